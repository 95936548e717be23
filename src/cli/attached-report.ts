// What is plugged in beside what the configuration says: which device is whose, and which part has none. It changes nothing.
import { existsSync, realpathSync } from 'node:fs';
import { isMap, parseDocument } from 'yaml';
import { addressFault } from './address-fault.ts';
import type { Attached } from './attached.ts';
import { deviceParts, judge, type DevicePart, type Judged } from './attached-fits.ts';
import { refusal, type Account } from './device-access.ts';

export interface AttachedLine extends Judged {
  name: string;
  node: string;
  link?: string;
  /** Parts that the configuration has there. */
  configured: readonly DevicePart[];
  /** What keeps the kiosk from using it, with what mends that. */
  faults: readonly string[];
}

export interface AttachedReport {
  devices: readonly AttachedLine[];
  /** Parts whose device is not among them. */
  elsewhere: readonly ({ part: DevicePart; at: string } & Elsewhere)[];
}

/** `fault` where that is one; a network has its devices elsewhere. */
type Elsewhere = { fault: string } | { remark: string };

/** `part` to `at`, of a configuration that may have faults elsewhere. */
export type ConfiguredPlaces = ReadonlyMap<DevicePart, string>;

/** @param config the file's text; empty where there is none */
export function configuredPlaces(config: string): ConfiguredPlaces {
  const document = parseDocument(config);
  if (!isMap(document.contents)) return new Map();
  return new Map(
    deviceParts.flatMap((part) => {
      const at: unknown = document.getIn([part, 'at']);
      return typeof at === 'string' && at !== 'none' ? [[part, at]] : [];
    }),
  );
}

/** The configured parts whose node the kiosk may not open, each with what mends that: root, who may ask, can open any. */
export function refusedParts(
  attached: readonly Attached[],
  places: ConfiguredPlaces,
  account: Account,
): ReadonlyMap<DevicePart, string> {
  return new Map(
    attached.flatMap((device) => {
      const refused = refusal(device, account);
      if (refused === undefined) return [];
      return [...places]
        .filter(([, at]) => isAt(at, device))
        .map(([part]) => [part, refused] as const);
    }),
  );
}

export function reportAttached(
  attached: readonly Attached[],
  places: ConfiguredPlaces,
  account: Account,
): AttachedReport {
  const found = new Set<DevicePart>();
  const devices = attached.map((device) => {
    const judged = judge(device);
    const configured = [...places].filter(([, at]) => isAt(at, device)).map(([part]) => part);
    for (const part of configured) found.add(part);
    const refused = refusal(device, account);
    const misfits = configured
      .filter((part) => !judged.fits.some((fit) => fit.part === part))
      .map((part) => `the configuration has it as ${part}, and it fits no ${part}`);
    const { name, node, link } = device;
    return {
      ...judged,
      ...{ name, node, configured },
      ...(link === undefined ? {} : { link }),
      faults: [...(refused === undefined ? [] : [refused]), ...misfits],
    };
  });
  const elsewhere = [...places]
    .filter(([part]) => !found.has(part))
    .map(([part, at]) => ({ part, at, ...lost(part, at) }));
  return { devices, elsewhere };
}

/** Whether an address is of this device, by whatever name it calls it. */
function isAt(at: string, device: Attached): boolean {
  if (device.kind === 'gpio') {
    return device.label !== undefined && at.startsWith(`gpio:${device.label}/`);
  }
  if (device.kind === 'usb-printer' && at === `usb:${device.ports}`) return true;
  const path = pathOf(at);
  return path !== undefined && resolved(path) === resolved(device.node);
}

/** What is no device of this machine is not missing from it; what is there may be of a kind that is not looked for. */
function lost(part: DevicePart, at: string): Elsewhere {
  const misread = addressFault(part, at);
  if (misread !== undefined) return { fault: misread };
  if (/^(page:|reports:)?(tcp|unix):|^(file|page):|^terminal$/.test(at)) {
    return { remark: 'not a device of this machine' };
  }
  const path = pathOf(at);
  if (path !== undefined && existsSync(path)) {
    return { remark: 'there, but of no kind that is listed' };
  }
  return { fault: 'nothing is there; is it plugged in, into the same port, and switched on?' };
}

/** The file in an address, such as `lcus:serial:/dev/kios/serial-…?channel=1`. */
function pathOf(at: string): string | undefined {
  return /^(?:[a-z]+:)+(\/[^?]*)/.exec(at)?.[1];
}

function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
