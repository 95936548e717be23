// A USB device made of bytes: it speaks usbredir to a guest's xHCI port, and the guest's kernel enumerates it as real.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { descriptor, type UsbIdentity } from './descriptors.ts';
import {
  bulkBody,
  bulkHeadBytes,
  bulkLength,
  connectBody,
  encodePacket,
  endpointListBody,
  helloPacket,
  interfaceListBody,
  packet,
  PacketReader,
  status,
  type Packet,
} from './redir-wire.ts';

/** A control request, USB 2.0 §9.3. */
export interface Setup {
  /** bmRequestType: 0x80 towards the host, 0x60 its kind. */
  type: number;
  request: number;
  value: number;
}

/** What a kind of device adds to the bare one. */
export interface UsbBehaviour {
  /** Answers a request of its class or vendor; undefined stalls. */
  onControl(setup: Setup, bytes: Buffer): Uint8Array | undefined;
  /** What the guest has sent to an endpoint. */
  onOut?(bytes: Buffer): void;
  onPlugged?(): void;
  onUnplugged?(): void;
}

const [getStatus, clearFeature, setFeature, getDescriptor] = [0, 1, 3, 6];
const nothing = new Uint8Array();
const takesAll = (): boolean => false;

interface Transfer {
  id: bigint;
  endpoint: number;
}

export class UsbDevice {
  readonly #identity: UsbIdentity;
  readonly #behaviour: UsbBehaviour;
  #socket: Socket | undefined;
  #configuration = 0;
  #refuses: (bytes: Buffer) => boolean = takesAll;
  /** Reads that the guest has open, and what waits for one. */
  #reads: (Transfer & { length: number })[] = [];
  #unread: Buffer[] = [];
  /** Writes that were refused for now: the guest's kernel repeats nothing, the transfer stays open. */
  #held: (Transfer & { bytes: Buffer })[] = [];
  #interruptsOn = false;

  constructor(identity: UsbIdentity, behaviour: UsbBehaviour) {
    this.#identity = identity;
    this.#behaviour = behaviour;
  }

  /** Plugs it into a port of a guest, by the port's socket. */
  async plug(port: string): Promise<void> {
    const socket = connect(port);
    await once(socket, 'connect');
    this.#socket = socket;
    const reader = new PacketReader();
    const greeted = Promise.withResolvers<undefined>();
    socket.on('error', () => undefined); // The guest was switched off.
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#forget();
      this.#socket = undefined;
      this.#behaviour.onUnplugged?.();
    });
    socket.on('data', (bytes) => {
      for (const one of reader.feed(bytes)) {
        this.#take(one);
        greeted.resolve(undefined);
      }
    });
    socket.write(helloPacket());
    await greeted.promise;
    this.#behaviour.onPlugged?.();
  }

  /** Pulls it out. */
  async unplug(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  }

  /**
   * Answers NAK to the writes that `refuses` names: they stay open, as at a printer whose buffer is full, until the guest
   * gives them up or `takeAll`.
   */
  nak(refuses: (bytes: Buffer) => boolean = () => true): void {
    this.#refuses = refuses;
  }

  /** Takes everything again, what is open first. */
  takeAll(): void {
    this.#refuses = takesAll;
    for (const { id, endpoint, bytes } of this.#held.splice(0)) this.#accept(id, endpoint, bytes);
  }

  /** How many of the guest's writes are being refused. */
  get heldWrites(): number {
    return this.#held.length;
  }

  /** Whether the guest asks for interrupts: somebody there has opened it. */
  get polled(): boolean {
    return this.#interruptsOn;
  }

  /** Sends on the interrupt endpoint; what nobody listens to is lost, as on a real one. */
  interrupt(endpoint: number, bytes: Uint8Array): void {
    if (!this.#interruptsOn) return;
    const head = Buffer.from([endpoint, status.ok, bytes.length & 0xff, bytes.length >> 8]);
    this.#send(packet.interrupt, 0n, Buffer.concat([head, bytes]));
  }

  /** Sends on the bulk endpoint, as soon as the guest reads there. */
  bulk(endpoint: number, bytes: Uint8Array): void {
    this.#unread.push(Buffer.from(bytes));
    this.#pump(endpoint);
  }

  #forget(): void {
    this.#reads = [];
    this.#unread = [];
    this.#held = [];
    this.#interruptsOn = false;
  }

  #send(type: number, id: bigint, body: Uint8Array): void {
    this.#socket?.write(encodePacket(type, id, body));
  }

  #announce(): void {
    this.#send(packet.interfaceList, 0n, interfaceListBody(this.#identity));
    this.#send(packet.endpointList, 0n, endpointListBody(this.#identity));
  }

  #take({ type, id, body }: Packet): void {
    const first = body[0] ?? 0;
    if (type === packet.hello) {
      this.#announce();
      this.#send(packet.deviceConnect, 0n, connectBody(this.#identity));
    } else if (type === packet.reset) this.#forget();
    else if (type === packet.setConfiguration || type === packet.getConfiguration) {
      if (type === packet.setConfiguration) {
        this.#configuration = first;
        this.#announce();
      }
      this.#send(packet.configurationStatus, id, Buffer.from([status.ok, this.#configuration]));
    } else if (type === packet.setAlternate || type === packet.getAlternate) {
      this.#send(packet.alternateStatus, id, Buffer.from([status.ok, first, 0]));
    } else if (type === packet.startInterrupts || type === packet.stopInterrupts) {
      this.#interruptsOn = type === packet.startInterrupts;
      this.#send(packet.interruptStatus, id, Buffer.from([status.ok, first]));
    } else if (type === packet.cancel) this.#cancel(id);
    else if (type === packet.control) this.#control(id, body);
    else if (type === packet.bulk) this.#bulk(id, body);
  }

  #cancel(id: bigint): void {
    const open = [...this.#reads, ...this.#held].find((one) => one.id === id);
    if (open === undefined) return;
    this.#reads = this.#reads.filter((one) => one.id !== id);
    this.#held = this.#held.filter((one) => one.id !== id);
    this.#send(packet.bulk, id, bulkBody(open.endpoint, status.cancelled, nothing, 0));
  }

  #control(id: bigint, body: Buffer): void {
    const setup = {
      request: body[1] ?? 0,
      type: body[2] ?? 0,
      value: body.readUInt16LE(4),
    };
    const answer = this.#standard(setup) ?? this.#behaviour.onControl(setup, body.subarray(10));
    const head = Buffer.from(body.subarray(0, 10));
    const wanted = head.readUInt16LE(8);
    const out = (setup.type & 0x80) === 0 ? nothing : (answer ?? nothing).subarray(0, wanted);
    head[3] = answer === undefined ? status.stall : status.ok;
    if (answer === undefined || (setup.type & 0x80) !== 0) head.writeUInt16LE(out.length, 8);
    this.#send(packet.control, id, Buffer.concat([head, out]));
  }

  #standard({ type, request, value }: Setup): Uint8Array | undefined {
    if ((type & 0x60) !== 0) return undefined;
    if (request === getDescriptor && type === 0x80) {
      return descriptor(this.#identity, value >> 8, value & 0xff);
    }
    if (request === getStatus) return Buffer.from([0, 0]);
    return request === clearFeature || request === setFeature ? nothing : undefined;
  }

  #bulk(id: bigint, body: Buffer): void {
    const endpoint = body[0] ?? 0;
    if ((endpoint & 0x80) !== 0) {
      this.#reads.push({ id, endpoint, length: bulkLength(body) });
      this.#pump(endpoint);
      return;
    }
    const bytes = Buffer.from(body.subarray(bulkHeadBytes));
    if (this.#refuses(bytes)) this.#held.push({ id, endpoint, bytes });
    else this.#accept(id, endpoint, bytes);
  }

  #accept(id: bigint, endpoint: number, bytes: Buffer): void {
    this.#send(packet.bulk, id, bulkBody(endpoint, status.ok, nothing, bytes.length));
    this.#behaviour.onOut?.(bytes);
  }

  #pump(endpoint: number): void {
    while (this.#unread.length > 0 && this.#reads.length > 0) {
      const [bytes = Buffer.alloc(0), read] = [this.#unread.shift(), this.#reads.shift()];
      if (read === undefined) return;
      const now = bytes.subarray(0, read.length);
      if (now.length < bytes.length) this.#unread.unshift(bytes.subarray(now.length));
      this.#send(packet.bulk, read.id, bulkBody(endpoint, status.ok, now, now.length));
    }
  }
}
