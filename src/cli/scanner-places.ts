// Where a scanner may be plugged in: the links that our udev rules make, without those that other devices have in the
// configuration. Looks at names only; opens nothing.
import { readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, parseDocument } from 'yaml';

/** Ours first: of two names for one device the first is taken. */
const folders = ['/dev/kios', '/dev/serial/by-path'] as const;
/** More devices than ports. */
const maxPlaces = 16;
const otherDevices = ['keypad', 'display', 'printer', 'dispenser'] as const;

/** Addresses at which a scanner may be. @param config the configuration's text, whatever else is wrong with it */
export function scannerPlaces(config: string, search: readonly string[] = folders): string[] {
  const taken = new Set(takenNodes(config));
  const places: string[] = [];
  for (const folder of search) {
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      const node = nodeOf(path);
      if (taken.has(node) || /^(usb-)?printer-/.test(name)) continue;
      taken.add(node);
      places.push(name.startsWith('hid-') ? `hid:${path}` : `serial:${path}?baudRate=9600`);
    }
  }
  return places.slice(0, maxPlaces);
}

function takenNodes(config: string): string[] {
  const document = parseDocument(config);
  if (!isMap(document.contents)) return [];
  return otherDevices.flatMap((device) => {
    const at: unknown = document.getIn([device, 'at']);
    const path = typeof at === 'string' ? /^[a-z]+:(\/[^?]*)/.exec(at)?.[1] : undefined;
    return path === undefined ? [] : [nodeOf(path)];
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // Nothing of that kind is plugged in.
  }
}

function nodeOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
