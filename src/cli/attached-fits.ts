// Which driver fits a device that is plugged in, and how it is written in the configuration. PURE. It promises nothing that
// the device does not say of itself.
import { hasKeys } from '../../drivers/keypad/key-reports.ts';
import { parseReportDescriptor } from '../../drivers/keypad/report-descriptor.ts';
import { isPosScanner } from '../../drivers/scanner/pos-reports.ts';
import type { Attached } from './attached.ts';

/** The parts of a kiosk that have a device, as the configuration names them. */
export const deviceParts = ['keypad', 'scanner', 'display', 'printer', 'dispenser'] as const;
export type DevicePart = (typeof deviceParts)[number];

/** `part: { at }` would be understood; whether the device answers, only opening it tells. */
export interface Fit {
  part: DevicePart;
  at: string;
}

/** What it is, in a few words; and every driver that fits. */
export interface Judged {
  is: string;
  fits: readonly Fit[];
  /** Why nothing, or not everything, fits, and what mends that. */
  remark?: string;
}

const shape = 'pulseMs=100&gapMs=150';

export function judge(device: Attached): Judged {
  const where = device.link ?? device.node;
  switch (device.kind) {
    case 'hid':
      return judgeHid(device, where);
    case 'serial':
      return {
        is: 'serial line',
        fits: [
          { part: 'scanner', at: `serial:${where}?baudRate=9600` },
          { part: 'printer', at: `serial:${where}?baudRate=9600` },
          { part: 'keypad', at: `serial:${where}?baudRate=9600` },
          { part: 'dispenser', at: `serial:${where}?baudRate=9600` },
          { part: 'dispenser', at: `lcus:serial:${where}?channel=1&${shape}` },
          { part: 'dispenser', at: `modbus:serial:${where}?unit=1&channel=1&${shape}` },
        ],
        remark: 'what is behind a serial line, the line does not say: take the one that it is',
      };
    case 'lp':
      return { is: 'printer', fits: [{ part: 'printer', at: `lp:${where}` }] };
    case 'usb-printer':
      return {
        is: 'printer without a driver of the kernel',
        fits: [{ part: 'printer', at: `usb:${device.link ?? device.ports}` }],
      };
    case 'screen':
      return judgeScreen(device);
    case 'led':
      return judgeLed(device);
    case 'gpio':
      return judgeGpio(device);
  }
}

function judgeHid({ name, descriptor }: Extract<Attached, { kind: 'hid' }>, where: string): Judged {
  if (/USBRelay/i.test(name)) {
    const at = `hidrelay:${where}?channel=1&${shape}`;
    return { is: 'relay board', fits: [{ part: 'dispenser', at }] };
  }
  const at = `hid:${where}`;
  const layout = descriptor === undefined ? undefined : parseReportDescriptor(descriptor);
  if (layout === undefined) {
    return {
      ...{ is: 'HID device', fits: [] },
      remark: 'its description cannot be read; unplug it and plug it in again',
    };
  }
  if (isPosScanner(layout)) return { is: 'HID-POS scanner', fits: [{ part: 'scanner', at }] };
  if (hasKeys(layout)) {
    return {
      is: 'keypad, or a scanner that types',
      fits: [
        { part: 'keypad', at },
        { part: 'scanner', at },
      ],
    };
  }
  return {
    ...{ is: 'HID device without keys', fits: [] },
    remark: 'another interface of a pad or scanner (its keys are often at …:1.0), or a mouse',
  };
}

function judgeScreen(device: Extract<Attached, { kind: 'screen' }>): Judged {
  const { width, height, bitsPerPixel, widthMm, node } = device;
  const wide = widthMm === undefined ? 'says no width' : `says ${widthMm} mm wide`;
  const is = `screen ${width}×${height}, ${bitsPerPixel} bits a pixel, ${wide}`;
  if (bitsPerPixel !== 16 && bitsPerPixel !== 32) {
    return { is, fits: [], remark: 'set the framebuffer to 16 or 32 bits a pixel' };
  }
  const remark = 'measure its lit width with a ruler and write panelWidthMm';
  return { is, fits: [{ part: 'display', at: `fb:${node}` }], remark };
}

function judgeLed({ node, hasPattern }: Extract<Attached, { kind: 'led' }>): Judged {
  const is = 'LED for a dispenser';
  if (hasPattern) return { is, fits: [{ part: 'dispenser', at: `led:${node}?${shape}` }] };
  return {
    ...{ is, fits: [] },
    remark:
      'its trigger is not "pattern": install systemd/99-kios.rules and restart (docs/wiring.md)',
  };
}

function judgeGpio({ label }: Extract<Attached, { kind: 'gpio' }>): Judged {
  const is = 'GPIO chip';
  if (label === undefined) {
    return { is, fits: [], remark: 'its label is not known; apt install gpiod tells it' };
  }
  return {
    ...{ is, fits: [{ part: 'dispenser', at: `gpio:${label}/17?${shape}` }] },
    remark: '17 stands for the number of your line; led: is the better way (docs/wiring.md)',
  };
}
