// One relay of a board: switched, and its word for it taken where it gives one. It knows no train.
import { DeviceError } from '../device.ts';
import { openPort, type PortAddress } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { openHidraw, type HidrawLine } from '../keypad/hidraw.ts';
import {
  encodeCoilOff,
  encodeFlash,
  encodeHidRelay,
  encodeLcus,
  hidStateReport,
  holdsFrame,
  isHidRelayOn,
  parseHidRelayState,
} from './relay-codec.ts';

/** An open board. Single use. */
export interface RelayBoard {
  /** @throws DeviceError when it did not take it, or says that it did not do it */
  off(): Promise<void>;
  /** Switches on; who calls this must call `off`. @throws DeviceError */
  on?(): Promise<void>;
  /** Capability: switches on, and the board itself switches off after `pulseMs`. @throws DeviceError */
  flash?(pulseMs: number): Promise<void>;
  close(): Promise<void>;
  readonly closed: Promise<DeviceError | undefined>;
}

/** Opens a board. @throws DeviceError */
export type OpenBoard = (signal: AbortSignal) => Promise<RelayBoard>;

export type OpenHid = (path: string, signal: AbortSignal) => Promise<HidrawLine>;

const openHidFeatures: OpenHid = (path, signal) => openHidraw(path, () => undefined, signal);

/** @param openHid for tests: the way to the board's feature reports */
export function hidRelayBoard(
  { path, channel }: { path: string; channel: number },
  openHid = openHidFeatures,
): OpenBoard {
  return async (signal) => {
    const hid = await openHid(path, signal);
    const set = async (on: boolean): Promise<void> => {
      await hid.sendFeature(encodeHidRelay(channel, on));
      const report = await hid.getFeature(hidStateReport.id, hidStateReport.length);
      const state = parseHidRelayState(report);
      if (state === undefined) {
        throw new DeviceError('protocol', `${path} is no relay board of the kind 16c0:05df`);
      }
      if (isHidRelayOn(state, channel) !== on) {
        throw new DeviceError('hardware', `${path}: relay ${channel} does not switch`);
      }
    };
    return {
      on: async () => set(true),
      off: async () => set(false),
      close: async () => hid.close(),
      closed: hid.closed,
    };
  };
}

export function lcusBoard({ port, channel }: { port: PortAddress; channel: number }): OpenBoard {
  return async (signal) => {
    const line = await openPort(port, () => undefined, signal);
    return {
      on: async () => line.write(encodeLcus(channel, true)),
      off: async () => line.write(encodeLcus(channel, false)),
      close: async () => line.close(),
      closed: line.closed,
    };
  };
}

/** A board at 9600 baud answers within 30 ms. */
const answerTimeoutMs = 500;

/** The answer has 8 bytes; of what comes more, the last ones are kept. */
const maxAnswerBytes = 64;

export function modbusBoard(
  { port, unit, channel }: { port: PortAddress; unit: number; channel: number },
  clock: Clock,
): OpenBoard {
  return async (signal) => {
    let came = new Uint8Array(0);
    let heard: () => void = () => undefined;
    const line = await openPort(
      port,
      (bytes) => {
        came = new Uint8Array(Buffer.concat([came, bytes]).subarray(-maxAnswerBytes));
        heard();
      },
      signal,
    );
    /** Sent once: a second "flash" would be a second pulse. */
    const ask = async (frame: Uint8Array): Promise<void> => {
      came = new Uint8Array(0);
      const echo = new Promise<boolean>((resolve) => {
        const cancel = clock.after(answerTimeoutMs, () => {
          resolve(false);
        });
        heard = () => {
          if (!holdsFrame(came, frame)) return;
          cancel();
          resolve(true);
        };
      });
      await line.write(frame);
      if (await echo) return;
      throw new DeviceError('timeout', `the relay board (unit ${unit}) does not answer`);
    };
    return {
      flash: async (pulseMs) => ask(encodeFlash(unit, channel, pulseMs)),
      off: async () => ask(encodeCoilOff(unit, channel)),
      close: async () => line.close(),
      closed: line.closed,
    };
  };
}
