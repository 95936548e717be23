// The packets of usbredir 0.7 (spice's usb-redirection-protocol), from the side that has the device. PURE.
// Only with the capabilities that every qemu of these years has; the guest's side says so in its hello.
import { endpointKinds, type Endpoint, type UsbIdentity } from './descriptors.ts';

export const packet = {
  hello: 0,
  deviceConnect: 1,
  reset: 3,
  interfaceList: 4,
  endpointList: 5,
  setConfiguration: 6,
  getConfiguration: 7,
  configurationStatus: 8,
  setAlternate: 9,
  getAlternate: 10,
  alternateStatus: 11,
  startInterrupts: 15,
  stopInterrupts: 16,
  interruptStatus: 17,
  cancel: 21,
  control: 100,
  bulk: 101,
  interrupt: 103,
} as const;

export const status = { ok: 0, cancelled: 1, stall: 4 } as const;

/** usb_redir_cap_connect_device_version, _ep_info_max_packet_size, _64bits_ids, _32bits_bulk_length. */
const capabilities = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 6);
const fullSpeed = 1;
const versionBytes = 64;
const listedInterfaces = 32;
const listedEndpoints = 32;
const noSuchEndpoint = 255;
/** A device of ours moves a few kilobytes at a time; more is no packet. */
const maxPacketBytes = 1024 * 1024;

export interface Packet {
  type: number;
  id: bigint;
  body: Buffer;
}

/** The first packet of each side has a short header: the ids became longer later. */
export function helloPacket(): Buffer {
  const bytes = Buffer.alloc(12 + versionBytes + 4);
  bytes.writeUInt32LE(packet.hello, 0);
  bytes.writeUInt32LE(versionBytes + 4, 4);
  bytes.write('kios rig', 12);
  bytes.writeUInt32LE(capabilities, 12 + versionBytes);
  return bytes;
}

export function encodePacket(type: number, id: bigint, body: Uint8Array): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(body.length, 4);
  head.writeBigUInt64LE(id, 8);
  return Buffer.concat([head, body]);
}

/** Puts a byte stream together into packets. */
export class PacketReader {
  #rest: Buffer = Buffer.alloc(0);
  #greeted = false;

  /** @throws Error when the other side lacks a capability, or sends no packets */
  feed(bytes: Uint8Array): Packet[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const packets: Packet[] = [];
    for (;;) {
      const head = this.#greeted ? 16 : 12;
      if (this.#rest.length < head) return packets;
      const length = this.#rest.readUInt32LE(4);
      if (length > maxPacketBytes) throw new Error(`usbredir: a packet of ${length} bytes`);
      if (this.#rest.length < head + length) return packets;
      const id = this.#greeted ? this.#rest.readBigUInt64LE(8) : 0n;
      const body = this.#rest.subarray(head, head + length);
      packets.push({ type: this.#rest.readUInt32LE(0), id, body });
      this.#rest = this.#rest.subarray(head + length);
      if (!this.#greeted) this.#greet(body);
    }
  }

  #greet(body: Buffer): void {
    const theirs = body.length > versionBytes ? body.readUInt32LE(versionBytes) : 0;
    if ((theirs & capabilities) !== capabilities) throw new Error('usbredir: qemu is too old');
    this.#greeted = true;
  }
}

export function connectBody({ vendor, product, deviceClass = [0, 0, 0] }: UsbIdentity): Buffer {
  const body = Buffer.alloc(10);
  body.set([fullSpeed, ...deviceClass]);
  body.writeUInt16LE(vendor, 4);
  body.writeUInt16LE(product, 6);
  body.writeUInt16LE(0x0100, 8);
  return body;
}

/** usb_redir_interface_info_header. */
export function interfaceListBody({ interfaces }: UsbIdentity): Buffer {
  const body = Buffer.alloc(4 + 4 * listedInterfaces);
  body.writeUInt32LE(interfaces.length, 0);
  interfaces.forEach((one, number) => {
    [number, ...one.class].forEach((byte, column) => {
      body[4 + column * listedInterfaces + number] = byte;
    });
  });
  return body;
}

/** usb_redir_ep_info_header: kind, interval, interface, and two bytes of the largest packet for each endpoint. */
export function endpointListBody({ interfaces }: UsbIdentity): Buffer {
  const body = Buffer.alloc(5 * listedEndpoints);
  body.fill(noSuchEndpoint, 0, listedEndpoints);
  const list = (at: number, owner: number, endpoint: Omit<Endpoint, 'address'>): void => {
    body[at] = endpointKinds.indexOf(endpoint.kind);
    body[listedEndpoints + at] = endpoint.interval;
    body[2 * listedEndpoints + at] = owner;
    body.writeUInt16LE(endpoint.maxPacketBytes, 3 * listedEndpoints + 2 * at);
  };
  for (const at of [0, 16]) list(at, 0, { kind: 'control', interval: 0, maxPacketBytes: 64 });
  interfaces.forEach(({ endpoints }, owner) => {
    for (const endpoint of endpoints) list(endpointIndex(endpoint.address), owner, endpoint);
  });
  return body;
}

const endpointIndex = (address: number): number => ((address & 0x80) >> 3) | (address & 0x0f);

/** A bulk packet's length is in two halves, low at 2 and high at 8. */
export function bulkLength(body: Buffer): number {
  return body.readUInt16LE(2) + body.readUInt16LE(8) * 65_536;
}

export const bulkHeadBytes = 10;

export function bulkBody(
  endpoint: number,
  result: number,
  bytes: Uint8Array,
  length: number,
): Buffer {
  const head = Buffer.alloc(bulkHeadBytes);
  head[0] = endpoint;
  head[1] = result;
  head.writeUInt16LE(length & 0xffff, 2);
  head.writeUInt16LE(length >>> 16, 8);
  return Buffer.concat([head, bytes]);
}
