// What this machine's own kernel has for devices, by name. Looks only; opens nothing.
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where each kind of device shows up, and by which environment variable a test may have it. */
export const kinds = {
  keypad: {
    variable: 'KIOS_TEST_KEYPAD',
    like: 'hid:/dev/kios/hid-…',
    nodes: /^\/dev\/hidraw\d+$/,
  },
  scanner: {
    variable: 'KIOS_TEST_SCANNER',
    like: 'serial:/dev/kios/serial-…',
    nodes: /^\/dev\/(hidraw|ttyUSB|ttyACM)\d+$/,
  },
  display: { variable: 'KIOS_TEST_DISPLAY', like: 'fb:/dev/fb0', nodes: /^\/dev\/fb\d+$/ },
  printer: { variable: 'KIOS_TEST_PRINTER', like: 'lp:/dev/usb/lp0', nodes: /^\/dev\/usb\/lp\d+$/ },
  dispenser: {
    variable: 'KIOS_TEST_DISPENSER',
    like: 'serial:/dev/kios/serial-…',
    nodes: /^\/dev\/tty(USB|ACM)\d+$/,
  },
} as const;

export type Kind = keyof typeof kinds;

/** The nodes that such a device could be behind. */
export function nodesFor(kind: Kind): string[] {
  const inFolder = (folder: string): string[] => {
    try {
      return readdirSync(folder).map((name) => join(folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };
  const { nodes } = kinds[kind];
  return [...inFolder('/dev'), ...inFolder('/dev/usb')].filter((path) => nodes.test(path)).sort();
}

/** The address that the environment names for this kind, or why there is none to test. */
export function named(kind: Kind): { at: string } | { missing: string } {
  const { variable, like } = kinds[kind];
  const at = process.env[variable];
  if (at !== undefined && at !== '') return { at };
  const nodes = nodesFor(kind);
  if (nodes.length === 0) return { missing: 'this machine has no such device' };
  return { missing: `${nodes.join(', ')} could be one; name it: ${variable}=${like}` };
}

/** Whether we may read and write there. */
export function usable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false; // Whatever the reason, it cannot be used.
  }
}
