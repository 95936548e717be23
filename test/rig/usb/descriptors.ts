// What a USB device says of itself: the descriptors of USB 2.0 §9.6. PURE.

export type EndpointKind = 'control' | 'isochronous' | 'bulk' | 'interrupt';

export interface Endpoint {
  /** With the direction in its top bit: 0x80 is towards the host. */
  address: number;
  kind: EndpointKind;
  maxPacketBytes: number;
  /** In frames of a millisecond; 0 for bulk. */
  interval: number;
}

export interface Interface {
  /** Class, subclass, protocol. */
  class: readonly [number, number, number];
  /** Class-specific descriptors. */
  extra?: Uint8Array;
  endpoints: readonly Endpoint[];
}

export interface UsbIdentity {
  vendor: number;
  product: number;
  name: string;
  /** Left out: as a clone has it. */
  serial?: string;
  deviceClass?: readonly [number, number, number];
  interfaces: readonly Interface[];
}

/** USB 2.0, table 9-13, as bmAttributes has them, and as usbredir does. */
export const endpointKinds: readonly EndpointKind[] = [
  'control',
  'isochronous',
  'bulk',
  'interrupt',
];

const [deviceType, configurationType, stringType, interfaceType, endpointType] = [1, 2, 3, 4, 5];
const maker = 'kios rig';
const englishUs = 0x0409;
const maxPowerTwoMa = 50;

const word = (n: number): [number, number] => [n & 0xff, (n >> 8) & 0xff];

/** The answer to GET_DESCRIPTOR; undefined where the device has none such, and stalls. */
export function descriptor(identity: UsbIdentity, type: number, index: number): Buffer | undefined {
  if (type === deviceType) return device(identity);
  if (type === configurationType) return configuration(identity);
  if (type !== stringType) return undefined;
  if (index === 0) return Buffer.from([4, stringType, ...word(englishUs)]);
  const text = [maker, identity.name, identity.serial][index - 1];
  if (text === undefined) return undefined;
  const letters = Buffer.from(text, 'utf16le');
  return Buffer.concat([Buffer.from([2 + letters.length, stringType]), letters]);
}

function device({ vendor, product, serial, deviceClass = [0, 0, 0] }: UsbIdentity): Buffer {
  const version = word(0x0200);
  const numbers = [...word(vendor), ...word(product), ...word(0x0100)];
  const strings = [1, 2, serial === undefined ? 0 : 3];
  return Buffer.from([
    ...[18, deviceType, ...version, ...deviceClass, 64],
    ...[...numbers, ...strings, 1],
  ]);
}

function configuration({ interfaces }: UsbIdentity): Buffer {
  const body = interfaces.flatMap((one, number) => [
    ...[9, interfaceType, number, 0, one.endpoints.length, ...one.class, 0],
    ...(one.extra ?? []),
    ...one.endpoints.flatMap(({ address, kind, maxPacketBytes, interval }) => [
      ...[7, endpointType, address, endpointKinds.indexOf(kind)],
      ...[...word(maxPacketBytes), interval],
    ]),
  ]);
  const busPowered = 0x80;
  return Buffer.from([
    ...[9, configurationType, ...word(9 + body.length), interfaces.length, 1, 0],
    ...[busPowered, maxPowerTwoMa, ...body],
  ]);
}
