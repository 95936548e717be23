// A whole kiosk in a guest, with everybody around it: USB keypad, scanner, printer and panel, relay, Midtrans' twin, and a
// customer who reads pixels and pays.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import decodeQr from 'qr/decode.js';
import sharp from 'sharp';
import { z } from 'zod';
import type { Sheet } from '../../drivers/printer/simulator.ts';
import { journalName } from '../../src/kiosk/journal-file.ts';
import { wantedRows, withJournalView } from '../../src/kiosk/journal-view.ts';
import { deviceNames } from './device-names.ts';
import { GuestKiosk, makeRelease, stateDir } from './guest-kiosk.ts';
import { House, until } from './house.ts';
import { Guest } from './machine/guest.ts';
import type { GuestImage } from './machine/launch.ts';
import type { SecondDisk } from './machine/qemu-line.ts';
import { UsbKeypad } from './usb/usb-keypad.ts';
import { UsbPrinter } from './usb/usb-printer.ts';
import { UsbScanner } from './usb/usb-scanner.ts';
import { UsbVendBoard } from './usb/usb-vend-board.ts';

export const coffee = { barcode: '8991002101234', name: 'Kopi susu', priceIdr: 12_000 } as const;

const slipEvent = z.object({ kind: z.literal('printed'), result: z.string() });

/** Into which USB port each device goes. */
const ports = { keypad: 1, scanner: 2, printer: 3, dispenser: 5 } as const;
export type UsbPart = keyof typeof ports;

export interface ShopOptions {
  /** Of a guest before this one; it stays open. */
  house?: House;
  dataDisk?: SecondDisk;
  /** Ports of this machine beside those of the relay. */
  alsoReachable?: readonly number[];
  /** With a vend board, too, whose items take so long to fall. */
  pulseMs?: number;
  /** Of a guest before this one, whose orders it remembers: it stays open, and is pulled out at the end. */
  board?: UsbVendBoard;
  /** Before anything is installed. */
  prepare?: (guest: Guest) => Promise<unknown>;
  /** Instead of our own unit, rules and identity, and of a release made here: as it is done in the field. */
  provision?: {
    /** What the guest sees as /mnt/run. */
    share: string;
    run: (guest: Guest, house: House) => Promise<unknown>;
  };
}

export class Shop {
  readonly guest: Guest;
  readonly house: House;
  readonly kiosk: GuestKiosk;
  readonly keypad = new UsbKeypad();
  readonly scanner = new UsbScanner();
  readonly printer: UsbPrinter;
  readonly #board: UsbVendBoard | undefined;
  readonly #undo: AsyncDisposableStack;
  /** Of each plugged device, the name that our udev rules gave its port. */
  #links = '';

  private constructor(
    parts: Pick<Shop, 'guest' | 'house' | 'printer'> & { board: UsbVendBoard | undefined },
    undo: AsyncDisposableStack,
  ) {
    this.guest = parts.guest;
    this.house = parts.house;
    this.printer = parts.printer;
    this.#board = parts.board;
    this.kiosk = new GuestKiosk(parts.guest);
    this.#undo = undo;
  }

  /** @throws Error where it was opened without one */
  get board(): UsbVendBoard {
    if (this.#board === undefined) throw new Error('this shop has no vend board: pulseMs');
    return this.#board;
  }

  /** Everything plugged in, installed and enrolled; `serve` starts the kiosk. */
  static async open(image: GuestImage, more: ShopOptions = {}): Promise<Shop> {
    await using undo = new AsyncDisposableStack();
    const { prepare, house: given, provision, alsoReachable = [], pulseMs, ...rest } = more;
    const { board: boardOfBefore, ...disks } = rest;
    const house = given ?? undo.adopt(await House.open(), (one) => one.close());
    const folder = async (name: string): Promise<string> =>
      undo.adopt(await mkdtemp(join(tmpdir(), name)), (one) => rm(one, { recursive: true }));
    const share = provision?.share ?? (await folder('kios-release-'));
    if (provision === undefined) await makeRelease(share);
    const { relay, mqtt } = house.ports;
    const guest = undo.adopt(
      await Guest.start(image, { share, reachable: [relay, mqtt, ...alsoReachable], ...disks }),
      (one) => one.end(),
    );
    const printer = undo.adopt(
      await UsbPrinter.create(join(await folder('kios-paper-'), 'head')),
      (one) => one.end(),
    );
    const board =
      boardOfBefore !== undefined
        ? undo.adopt(boardOfBefore, (one) => one.unplug())
        : pulseMs === undefined
          ? undefined
          : undo.adopt(
              await UsbVendBoard.create(join(await folder('kios-board-'), 'motor'), pulseMs),
              (one) => one.end(),
            );
    const shop = new Shop({ guest, house, printer, board }, undo.move());
    try {
      await prepare?.(guest);
      if (provision === undefined) await shop.kiosk.install(house);
      else await provision.run(guest, house);
      for (const part of ['keypad', 'scanner', 'printer'] as const) await shop.plug(part);
      if (board !== undefined) await shop.plug('dispenser');
      shop.#links = await deviceNames(guest, board === undefined ? 3 : 4);
    } catch (error) {
      await shop.close();
      throw error;
    }
    return shop;
  }

  /** Starts the kiosk, or starts it anew with other settings, and waits until it sells. */
  async serve(settings: Record<string, unknown> = {}): Promise<void> {
    await this.kiosk.start({
      keypad: { at: `hid:${this.node('keypad')}` },
      scanner: { at: `serial:${this.node('scanner')}?baudRate=9600` },
      printer: { at: `lp:${this.node('printer')}` },
      display: { at: 'fb:/dev/fb0', panelWidthMm: 155 },
      catalogue: {
        [coffee.barcode]: { id: 'kopi', name: coffee.name, priceIdr: coffee.priceIdr },
      },
      ...(this.#board === undefined
        ? {}
        : {
            dispenser: {
              at: `serial:${this.node('dispenser')}?baudRate=9600`,
              idrPerPulse: coffee.priceIdr,
            },
          }),
      ...settings,
    });
  }

  /** The device's link, which stays the same over every replugging. */
  node(part: UsbPart): string {
    const kind = { keypad: 'hid', scanner: 'serial', printer: 'printer', dispenser: 'serial' }[
      part
    ];
    const name = new RegExp(`^${kind}-.*-usb-0:${ports[part]}:.*$`, 'm').exec(this.#links)?.[0];
    if (name === undefined) throw new Error(`the rules gave the ${part} no name: ${this.#links}`);
    return `/dev/kios/${name}`;
  }

  async plug(part: UsbPart): Promise<void> {
    const port = this.guest.usbSocket(ports[part]);
    if (part === 'printer') await this.printer.plug(port);
    else if (part === 'dispenser') await this.board.plug(port);
    else await this[part].device.plug(port);
  }

  async unplug(part: UsbPart): Promise<void> {
    if (part === 'printer') await this.printer.unplug();
    else if (part === 'dispenser') await this.board.unplug();
    else await this[part].device.unplug();
  }

  /** Puts the last sale's screen away. */
  async toIdle(): Promise<void> {
    const mark = await this.kiosk.mark();
    if (this.kiosk.lastPhase === undefined || this.kiosk.lastPhase === 'idle') return;
    await this.keypad.press('clear');
    await this.kiosk.phase('idle', mark);
  }

  /** The text of the QR on the panel, read out of its pixels. @param not one that may still stand there */
  async qrOnPanel(not?: string): Promise<string> {
    let text: string | undefined;
    await until('a QR on the panel', async () => {
      text = await readPng(await this.guest.screenshot());
      return text !== undefined && text !== not;
    });
    return text ?? '';
  }

  async sheet(number: number): Promise<Sheet> {
    await until(`sheet ${number} of paper`, async () =>
      Promise.resolve(this.printer.sheets.length >= number),
    );
    const sheet = this.printer.sheets[number - 1];
    if (sheet === undefined) throw new Error('no paper');
    return sheet;
  }

  /** What the journal says of each slip of a sale: printed, failed or unknown. */
  async slipResults(saleId: unknown): Promise<string[]> {
    const folder = await mkdtemp(join(tmpdir(), 'kios-journal-'));
    try {
      for (const name of [journalName, `${journalName}-wal`]) {
        await writeFile(join(folder, name), await this.guest.get(`${stateDir}/${name}`));
      }
      return await withJournalView(join(folder, journalName), async (db) => {
        const events = wantedRows(db, { saleId: String(saleId) }).map(({ body }) =>
          slipEvent.safeParse(JSON.parse(body)),
        );
        return Promise.resolve(events.flatMap(({ data: event }) => event?.result ?? []));
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async statusAtMidtrans(saleId: unknown): Promise<string | undefined> {
    return (await this.house.orders()).find(({ orderId }) => orderId === saleId)?.status;
  }

  /** Pulls it out of this world. */
  async close(): Promise<void> {
    await this.#undo.disposeAsync();
  }
}

/** Undefined: there is no QR in the picture. */
export async function readPng(png: Buffer): Promise<string | undefined> {
  const raw = sharp(png).ensureAlpha().raw();
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  return readPixels(info.width, info.height, data);
}

/** Undefined: nothing on this paper can be scanned. */
export function readPaper({
  widthDots: width,
  heightDots: height,
  bitmap,
}: Sheet): string | undefined {
  const rgba = new Uint8Array(bitmap.length * 4);
  bitmap.forEach((dot, at) => rgba.fill(dot === 1 ? 0 : 255, at * 4, at * 4 + 3));
  for (let at = 3; at < rgba.length; at += 4) rgba[at] = 255;
  return readPixels(width, height, rgba);
}

function readPixels(width: number, height: number, data: Uint8Array): string | undefined {
  try {
    return decodeQr({ width, height, data });
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
