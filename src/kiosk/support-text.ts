// The few lines about a kiosk that a technician's phone reads off the screen and sends to whoever helps. PURE. No secret, no
// sale, no address.
import type { ErrorCode } from '../protocol/errors.ts';
import type { ConfigReport } from '../protocol/topics.ts';
import type { Hardware } from './hardware.ts';

/** Read at arm's length off a small panel: a larger QR would not be. */
const maxLength = 300;

export interface SupportFacts {
  kioskId: string;
  version: string;
  /** What is wrong, by the codes of the screen. */
  codes: readonly ErrorCode[];
  /** Since the relay last proved itself; undefined: not since this start. */
  heardAgoMs?: number;
  /** The relay's time minus ours. */
  clockOffsetMs?: number;
  hardware?: Hardware;
  /** Of the configuration from afar. */
  config?: ConfigReport;
}

/** Words as the codes are: the same in every language. What is not known is left out. */
export function supportText(facts: SupportFacts): string {
  const { kioskId, version, codes, heardAgoMs, clockOffsetMs, hardware = {}, config = {} } = facts;
  const { freeBytes, temperatureC } = hardware;
  const lines = [
    `KIOS ${kioskId} ${version}`,
    `relay: ${heardAgoMs === undefined ? 'not heard' : `${Math.round(heardAgoMs / 1000)} s ago`}`,
    ...(clockOffsetMs === undefined ? [] : [`clock: ${Math.round(clockOffsetMs / 1000)} s`]),
    ...(freeBytes === undefined ? [] : [`disk: ${Math.floor(freeBytes / 1024 / 1024)} MiB free`]),
    ...(temperatureC === undefined ? [] : [`heat: ${temperatureC} C`]),
    ...(config.version === undefined
      ? []
      : [`config: ${config.version}${config.trial === true ? ' on trial' : ''}`]),
    `faults: ${codes.length === 0 ? 'none' : codes.join(' ')}`,
  ];
  return lines.join('\n').slice(0, maxLength);
}
