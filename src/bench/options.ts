// What a demo can be asked for, and the refusal of what it cannot do.

/** What stands at the kiosk's ports. */
export const deviceKinds = ['keypad', 'scanner', 'display', 'printer', 'dispenser'] as const;
export type DeviceKind = (typeof deviceKinds)[number];

export interface DemoOptions {
  /** Of the page; 0 takes a free one. */
  port: number;
  /** Kept between runs; without it everything is temporary. */
  stateDir?: string;
  /** Sells by itself, prints a table and ends. */
  check: boolean;
  paymentType: 'qris' | 'gopay';
  qrOn: 'display' | 'paper';
  /** Real devices, as `kios kiosk` takes them; the others are virtual. */
  real: Partial<Record<DeviceKind, string>>;
}

/** What was asked for cannot be; the message is for the person who asked, and needs no stack. */
export class DemoRefusal extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'DemoRefusal';
  }
}

/** A thing on the shelf: what the scanner's gun can read. */
export interface Product {
  barcode: string;
  id: string;
  name: string;
  priceIdr: number;
}

export const products: readonly Product[] = [
  { barcode: '8991002101234', id: 'kopi-susu', name: 'Kopi susu', priceIdr: 12_000 },
  { barcode: '8991002105676', id: 'teh-botol', name: 'Teh botol', priceIdr: 6_000 },
  { barcode: '8991002109995', id: 'roti-bakar', name: 'Roti bakar', priceIdr: 15_000 },
];

/** The made-up merchant of every demo. */
export const merchant = {
  id: 'G000000001',
  name: 'KIOS CONTOH',
  nmid: 'AID1099000000001',
  pan: '9360091400000000017',
  city: 'BANDUNG',
  postalCode: '40111',
  mcc: '5814',
} as const;

export const kioskId = 'demo1';
