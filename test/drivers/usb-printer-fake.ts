// A USB printer as the package `usb` shows one, around the paper emulator: its transfers time out, break at an unplug and
// are cut by a reset as the package's are. What only a kernel does needs the rig.
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { UsbPrinterDevice } from '../../drivers/printer/usb-device.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';

/** A read that hears nothing ends sooner than the package's would, so that a close does not wait for it. */
const quietMs = 100;

export interface FakeUsb {
  device: UsbPrinterDevice;
  /** What was asked of it, in order, without its transfers. */
  calls: string[];
  /** The lengths of the packets that went out. */
  packets: number[];
  /** Called before each packet that goes out. */
  onPacket: () => void;
  /** Takes nothing any more, and lets no transfer end. */
  nak: (on: boolean) => void;
  unplug: () => void;
  end: () => void;
}

/** @param at a paper emulator's unix socket; @param bound whether the kernel's usblp sits on it */
export async function fakeUsb(
  at: string,
  { bound = true, answers = true, address = 4 } = {},
): Promise<FakeUsb> {
  const line: Socket = createConnection(at.replace(/^unix:/, ''));
  line.on('error', () => undefined);
  await once(line, 'connect');
  const calls: string[] = [];
  const packets: number[] = [];
  const heard: Buffer[] = [];
  line.on('data', (bytes) => heard.push(bytes));
  let [claimed, nak, gone] = [false, false, false];
  let transfers = 0;
  let cut = new AbortController();

  const call = async (name: string): Promise<void> => {
    calls.push(name);
    return gone ? Promise.reject(new Error(`${name} error: Disconnected`)) : Promise.resolve();
  };
  /** Waits until it may go on; the package tells a time-out and an unplug by words alone. */
  const until = async (name: string, ready: () => boolean, timeoutMs: number): Promise<void> => {
    const [begin, { signal }] = [systemClock.monotonicMs(), cut];
    while (!ready() || gone || signal.aborted || !claimed) {
      if (gone) throw new Error(`${name} error: Disconnected`);
      if (signal.aborted) throw new Error(`${name} error: Disconnected`);
      if (!claimed) throw new Error(`${name} error: endpoint not found`);
      if (systemClock.monotonicMs() - begin > timeoutMs)
        throw new Error(`${name} error: Cancelled`);
      await wait(systemClock, 1);
    }
  };
  const during = async <T>(transfer: Promise<T>): Promise<T> => {
    transfers += 1;
    return transfer.finally(() => {
      transfers -= 1;
    });
  };
  /** As the package does it on the rig, not by a rejection: it throws. */
  const checkBorrow = (): void => {
    if (transfers === 0) return;
    throw new Error(
      'The same native value cannot be borrowed mutably while another borrow is active',
    );
  };
  const device: UsbPrinterDevice = {
    ...{ bus: '001', address, ports: [1, 2] },
    configuration: configurationOf(answers),
    open: async () => call('open'),
    close: () => {
      checkBorrow();
      return call('close');
    },
    reset: async () => {
      cut.abort();
      cut = new AbortController();
      return call('reset');
    },
    claimInterface: async (n) => {
      claimed = true;
      return call(`claim ${n}`);
    },
    releaseInterface: (n) => {
      checkBorrow();
      claimed = false;
      return call(`release ${n}`);
    },
    selectAlternateInterface: async (n, setting) => call(`alternate ${n} ${setting}`),
    detachKernelDriver: async (n) => {
      calls.push(`detach ${n}`);
      if (!bound) throw new Error('detachKernelDriver error: no data available');
      return Promise.resolve();
    },
    attachKernelDriver: async (n) => call(`attach ${n}`),
    transferIn: async (endpoint, length, timeoutMs) => {
      if (endpoint !== 2) throw new Error('transferIn error: endpoint not found');
      await during(until('transferIn', () => heard.length > 0, Math.min(timeoutMs, quietMs)));
      const bytes = heard.shift() ?? Buffer.alloc(0);
      if (bytes.length > length) heard.unshift(bytes.subarray(length));
      const now = Uint8Array.from(bytes.subarray(0, length));
      return { data: new DataView(now.buffer) };
    },
    transferOut: async (endpoint, bytes, timeoutMs) => {
      if (endpoint !== 1) throw new Error('transferOut error: endpoint not found');
      fake.onPacket();
      await during(until('transferOut', () => !nak, timeoutMs));
      packets.push(bytes.length);
      line.write(bytes);
      return { bytesWritten: bytes.length };
    },
    controlTransferOut: async ({ request }) => call(`control ${request}`),
  };
  const fake: FakeUsb = {
    ...{ device, calls, packets },
    onPacket: () => undefined,
    nak: (on) => {
      nak = on;
    },
    unplug: () => {
      gone = true;
    },
    end: () => {
      gone = true;
      line.destroy();
    },
  };
  return fake;
}

/** A composite device: its printer is neither its first interface nor in the first setting of it. */
function configurationOf(answers: boolean): UsbPrinterDevice['configuration'] {
  const bulk = { type: 'bulk', packetSize: 64 };
  const out = { ...bulk, endpointNumber: 1, direction: 'out' as const };
  const into = { ...bulk, endpointNumber: 2, direction: 'in' as const };
  const only = { alternateSetting: 0, interfaceClass: 7, interfaceProtocol: 1, endpoints: [out] };
  const both = { ...only, alternateSetting: 1, interfaceProtocol: 2, endpoints: [out, into] };
  const keys = { ...only, interfaceClass: 3, interfaceProtocol: 0, endpoints: [] };
  return {
    interfaces: [
      { interfaceNumber: 0, alternates: [keys] },
      { interfaceNumber: 1, alternates: answers ? [only, both] : [only] },
    ],
  };
}
