// The kiosk's devices, each opened once and asked how it is, without anybody's help. Nothing is printed, shown or handed over.
import { DeviceError, type Device, type Printer } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createDisplay } from '../../drivers/display/display.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { profileOf } from '../../drivers/printer/profiles.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import type { KioskConfig } from '../kiosk/config.ts';
import { lostCode } from '../kiosk/new-state.ts';
import { printerCode } from '../kiosk/printer-watch.ts';
import type { Clock } from '../lib/clock.ts';
import type { HealthReport } from '../protocol/root-request.ts';
import { deviceParts, type DevicePart } from './attached-fits.ts';
import { fault, look, skipped, well, type Finding } from './finding.ts';

/** Longer than any driver needs to find out that nobody answers. */
const openLimitMs = 8000;

/** A device that may know of its paper. */
type AskedDevice = Device & Pick<Printer, 'paper'>;

/** Makes each device of the configuration as the kiosk would; undefined where it has none. */
function makeDevice(part: DevicePart, config: KioskConfig, clock: Clock): AskedDevice | undefined {
  const { keypad, scanner, display, printer, dispenser } = config;
  switch (part) {
    case 'keypad':
      return keypad && createKeypad({ at: keypad.at, onKey: () => undefined, clock });
    case 'scanner':
      return scanner && createScanner({ ...scanner, clock, onScan: () => undefined });
    case 'display':
      return display && createDisplay({ at: display.at, clock });
    case 'printer':
      return printer && makePrinter(printer, clock);
    case 'dispenser':
      return dispenser.at === 'none' ? undefined : createDispenser({ at: dispenser.at, clock });
  }
}

export function makePrinter(printer: NonNullable<KioskConfig['printer']>, clock: Clock): Printer {
  return createPrinter({ at: printer.at, profile: profileOf(printer), clock });
}

/** One after the other: two of them may hang on one weak hub. */
export async function checkDevices(config: KioskConfig, clock: Clock): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const part of deviceParts) {
    const at = config[part]?.at;
    if (at === undefined || at === 'none')
      findings.push(skipped(part, 'there is none in the configuration'));
    else if (at === 'terminal') findings.push(skipped(part, 'a terminal is not tested'));
    else findings.push(await checkDevice(part, config, clock));
  }
  return findings;
}

/** What has opened for whoever asked, and would not for the kiosk. */
export function withRights(
  findings: readonly Finding[],
  refused: ReadonlyMap<DevicePart, string>,
): Finding[] {
  return findings.map((finding) => {
    const part = deviceParts.find((one) => one === finding.check);
    const why = part === undefined ? undefined : refused.get(part);
    const isOpen = finding.verdict === 'well' || finding.verdict === 'look';
    return part === undefined || why === undefined || !isOpen
      ? finding
      : fault(part, lostCode[part], why);
  });
}

async function checkDevice(part: DevicePart, config: KioskConfig, clock: Clock): Promise<Finding> {
  const device = makeDevice(part, config, clock);
  if (device === undefined) return skipped(part, 'there is none in the configuration');
  return withDevice(part, device, async (signal) => {
    const paper = await device.paper?.(signal);
    const { detail } = device.health();
    if (paper === 'out') return fault(part, 'printer-paper-out', device.name);
    if (paper === 'cover-open') return fault(part, 'printer-cover-open', device.name);
    if (paper === 'low') return look(part, 'printer-paper-low', device.name);
    if (detail !== undefined) return look(part, 'device-complains', detail);
    const blind =
      part === 'printer' && paper === undefined ? '; it cannot say if it has paper' : '';
    return well(part, `${device.name} is open${blind}`);
  });
}

/** Opens a device for one piece of work, and lets go of it whatever happens. Never rejects because of the device. */
export async function withDevice(
  part: DevicePart,
  device: Device,
  work: (signal: AbortSignal) => Promise<Finding>,
  signal = new AbortController().signal,
): Promise<Finding> {
  try {
    await device.open(AbortSignal.any([signal, AbortSignal.timeout(openLimitMs)]));
    return await work(signal);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    if (signal.aborted) return skipped(part, 'called off');
    const code = part === 'printer' ? printerCode(error) : lostCode[part];
    return fault(part, code, error.message);
  } finally {
    await device.close();
  }
}

/** While the kiosk runs it has the devices: its own word is all that there is. */
export function devicesByKiosk(
  config: KioskConfig,
  health: HealthReport | undefined,
): readonly Finding[] {
  const asked = deviceParts.filter((part) => ![undefined, 'none'].includes(config[part]?.at));
  return asked.map((part) => {
    const told = health?.parts[part];
    if (told === undefined) {
      return skipped(part, 'the running kiosk has it; to test it: systemctl stop kios');
    }
    if (told.ok) return well(part, 'open, says the running kiosk');
    return fault(part, lostCode[part], 'the running kiosk says that it is out of order');
  });
}
