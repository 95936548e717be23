// The names that our udev rules give to what is plugged into a guest: they tell that its kernel has enumerated everything.
import { until } from './house.ts';
import type { Guest } from './machine/guest.ts';

const kinds = [/^hid-/m, /^serial-/m, /^printer-/m];

/**
 * The names under /dev/kios once all kinds are there, a line each.
 * @param devices how many are plugged in
 * @throws Error with the kernel's own words
 */
export async function deviceNames(guest: Guest, devices = kinds.length): Promise<string> {
  let names = '';
  try {
    await until('the names of the devices', async () => {
      names = await guest.sh('udevadm settle; ls /dev/kios 2>/dev/null || true');
      const strangers = await guest.sh(
        'find -L /dev/kios -type c ! -group kios 2>/dev/null || true',
      );
      const all = names.trim().split('\n').length >= devices;
      return strangers === '' && all && kinds.every((kind) => kind.test(names));
    });
  } catch (error) {
    const kernel = await guest.sh(
      'ls -lL /dev/kios; journalctl --unit systemd-udevd -n 10 --no-pager; dmesg | tail -n 30',
    );
    throw new Error(`there are: ${names}\nthe kernel said\n${kernel}`, { cause: error });
  }
  return names;
}
