// What the kernel says is plugged in: its devices that a kiosk could use, from sysfs and /dev. It reads names and sizes
// only, and opens no device.
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { startTool } from '../../drivers/dispenser/tool.ts';
import { panelWidthMm } from './panel-size.ts';

interface Common {
  /** What it calls itself; empty where it says nothing. */
  name: string;
  /** What is opened: `/dev/hidraw0`, or the folder of an LED. */
  node: string;
  /** A name that stays with the port; undefined where nothing has made one. */
  link?: string;
}

/** One device that is there, whether or not anything of ours fits it. */
export type Attached = Common &
  (
    | { kind: 'hid'; descriptor: Uint8Array | undefined }
    | { kind: 'serial' }
    | { kind: 'lp' }
    /** A printer that the kernel's usblp does not have; `ports` as in /sys/bus/usb/devices. */
    | { kind: 'usb-printer'; ports: string }
    | { kind: 'screen'; width: number; height: number; bitsPerPixel: number; widthMm?: number }
    | { kind: 'led'; hasPattern: boolean }
    /** Without a label gpiodetect is not installed. */
    | { kind: 'gpio'; label?: string }
  );

/** Where the kernel shows its devices; other folders for tests. */
export interface SystemPlaces {
  sys: string;
  dev: string;
  etc: string;
  /** Where programs are looked for; the process's own PATH if not given. */
  path?: string;
}
export const systemPlaces: SystemPlaces = { sys: '/sys', dev: '/dev', etc: '/etc' };

/** More devices of one kind than any kiosk has. */
const maxOfAKind = 64;
/** From a node up to its USB device there are fewer folders. */
const maxUp = 5;
const maxNameLength = 60;
const toolLimitMs = 5000;

/** Everything that is there, in the order of the kinds. Never rejects because of one device. */
export async function readAttached(places: SystemPlaces): Promise<Attached[]> {
  const links = readLinks(places.dev);
  return [
    ...hidDevices(places, links),
    ...serialDevices(places, links),
    ...printers(places, links),
    ...screens(places),
    ...leds(places),
    ...(await gpioChips(places)),
  ];
}

type Links = ReadonlyMap<string, string>;

/** The names that stay with a port, by the node that they lead to; ours before the system's. */
function readLinks(dev: string): Links {
  const links = new Map<string, string>();
  for (const folder of [join(dev, 'kios'), join(dev, 'serial/by-path')]) {
    for (const name of namesIn(folder)) {
      const link = join(folder, name);
      const node = resolved(link);
      if (node !== undefined && !links.has(node)) links.set(node, link);
    }
  }
  return links;
}

function placed(
  { dev }: SystemPlaces,
  links: Links,
  path: string,
): { node: string; link?: string } {
  const node = join(dev, path);
  const link = links.get(resolved(node) ?? node);
  return { node, ...(link === undefined ? {} : { link }) };
}

function hidDevices(places: SystemPlaces, links: Links): Attached[] {
  const folder = join(places.sys, 'class/hidraw');
  return namesIn(folder).map((one) => {
    const device = join(folder, one, 'device');
    const name = /^HID_NAME=(.*)$/m.exec(textOf(join(device, 'uevent')))?.[1] ?? '';
    const descriptor = bytesOf(join(device, 'report_descriptor'));
    return { kind: 'hid', name: shown(name), descriptor, ...placed(places, links, one) };
  });
}

function serialDevices(places: SystemPlaces, links: Links): Attached[] {
  const folder = join(places.sys, 'class/tty');
  return (
    // A kernel has 64 consoles there, which come first.
    namesIn(folder, maxOfAKind * 16)
      .filter((one) => /^tty(ACM|USB|AMA|S)\d+$/.test(one))
      .filter((one) => resolved(join(folder, one, 'device')) !== undefined)
      // serial_core.h: PORT_UNKNOWN is 0: a socket of the kernel's with no chip behind it.
      .filter((one) => textOf(join(folder, one, 'type')) !== '0')
      .map((one) => {
        const name = productOf(join(folder, one, 'device'));
        return { kind: 'serial', name, ...placed(places, links, one) };
      })
  );
}

function printers(places: SystemPlaces, links: Links): Attached[] {
  const classFolder = join(places.sys, 'class/usbmisc');
  const byKernel = namesIn(classFolder)
    .filter((one) => /^lp\d+$/.test(one))
    .map((one): Attached => {
      const name = productOf(join(classFolder, one, 'device'));
      return { kind: 'lp', name, ...placed(places, links, join('usb', one)) };
    });
  const usb = join(places.sys, 'bus/usb/devices');
  const others = namesIn(usb, maxOfAKind * 4)
    .filter((one) => one.includes(':') && textOf(join(usb, one, 'bInterfaceClass')) === '07')
    .filter((one) => basename(resolved(join(usb, one, 'driver')) ?? '') !== 'usblp')
    .map((one): Attached => {
      const [ports = ''] = one.split(':');
      const parent = join(usb, ports);
      const number = (file: string): string => textOf(join(parent, file)).padStart(3, '0');
      const node = join('bus/usb', number('busnum'), number('devnum'));
      const name = productOf(parent);
      return { kind: 'usb-printer', name, ports, ...placed(places, links, node) };
    });
  return [...byKernel, ...others];
}

function screens(places: SystemPlaces): Attached[] {
  const folder = join(places.sys, 'class/graphics');
  const widthMm = panelWidthMm(join(places.sys, 'class/drm'));
  return namesIn(folder)
    .filter((one) => /^fb\d+$/.test(one))
    .map((one) => {
      const read = (file: string): string => textOf(join(folder, one, file));
      const [width = 0, height = 0] = read('virtual_size').split(',').map(Number);
      return {
        ...{ kind: 'screen', name: shown(read('name')), node: join(places.dev, one) },
        ...{ width, height, bitsPerPixel: Number(read('bits_per_pixel')) },
        ...(widthMm === undefined ? {} : { widthMm }),
      };
    });
}

function leds({ sys }: SystemPlaces): Attached[] {
  const folder = join(sys, 'class/leds');
  return namesIn(folder, maxOfAKind * 4)
    .filter((one) => one.startsWith('kios-'))
    .map((one) => {
      const node = join(folder, one);
      // The file is there only while the trigger is on, so it also says that udev has done its work.
      const hasPattern = namesIn(node).includes('pattern');
      return { kind: 'led', name: one, node, hasPattern };
    });
}

/** The label stands in no file: only libgpiod's own tool tells it. */
async function gpioChips({ dev, path }: SystemPlaces): Promise<Attached[]> {
  const chips = namesIn(dev, maxOfAKind * 16).filter((one) => /^gpiochip\d+$/.test(one));
  if (chips.length === 0) return [];
  const tools = path === undefined ? {} : { path };
  const { output } = await startTool('gpiodetect', [], tools, toolLimitMs).ended;
  return chips.map((one) => {
    const label = new RegExp(`^${one} \\[([^\\]]+)\\] \\((\\d+) lines?\\)$`, 'm').exec(output);
    const node = join(dev, one);
    if (label?.[1] === undefined) return { kind: 'gpio', name: '', node };
    const name = shown(`${label[1]}, ${label[2] ?? '?'} lines`);
    return { kind: 'gpio', name, node, label: label[1] };
  });
}

/** Maker and model of the USB device to which a node belongs. */
function productOf(device: string): string {
  let folder = resolved(device) ?? '';
  for (let up = 0; up < maxUp && folder.length > 1; up++, folder = dirname(folder)) {
    const product = textOf(join(folder, 'product'));
    if (product !== '') return shown(`${textOf(join(folder, 'manufacturer'))} ${product}`);
  }
  return '';
}

/** A device may call itself anything: one line, no control characters. */
function shown(name: string): string {
  return name
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, maxNameLength);
}

function namesIn(folder: string, most = maxOfAKind): string[] {
  try {
    return readdirSync(folder).sort().slice(0, most);
  } catch {
    return []; // Nothing of that kind is there.
  }
}

function textOf(path: string): string {
  return bytesOf(path)?.toString('utf8').trim() ?? '';
}

function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined; // Not every driver has every file, and what is pulled out has none.
  }
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
