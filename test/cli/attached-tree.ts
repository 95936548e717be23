// A machine's /sys, /dev and /etc in a temporary folder, as the kernel and udev make them, with the devices that a test plugs in.
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { SystemPlaces } from '../../src/cli/attached.ts';

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;

export interface Tree extends SystemPlaces {
  write(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  link(path: string, to: string): Promise<void>;
  hid(name: string, descriptor: Uint8Array, port: string, mode?: number): Promise<string>;
  printer(): Promise<string>;
  screen(bits: number): Promise<string>;
}

/** `kiosk`: the user of the kiosk owns what the tests make, or is a stranger to it. */
export async function plantTree(kiosk: 'owner' | 'stranger' = 'owner'): Promise<Tree> {
  const root = await mkdtemp(join(tmpdir(), 'kios-attached-'));
  onTestFinished(() => rm(root, { recursive: true }));
  let next = 0;
  const write = async (path: string, content: string | Uint8Array, mode = 0o660): Promise<void> => {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    await chmod(file, mode);
  };
  const link = async (path: string, to: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(to.startsWith('/') ? join(root, to) : to, join(root, path));
  };
  const ids = kiosk === 'owner' ? `${uid}:${gid}` : '64999:64999';
  await write('etc/passwd', `root:x:0:0::/root:/bin/sh\nkios:x:${ids}::/nonexistent:/bin/false\n`);
  await write('etc/group', `dialout:x:64020:\ngpio:x:64021:someone\nshop:x:64022:kios\n`);
  const tree: Tree = {
    ...{ sys: join(root, 'sys'), dev: join(root, 'dev'), etc: join(root, 'etc') },
    path: join(root, 'bin'),
    write,
    link,
    hid: async (name, descriptor, port, mode = 0o660) => {
      const one = `hidraw${next++}`;
      await write(`sys/class/hidraw/${one}/device/uevent`, `DRIVER=hid\nHID_NAME=${name}\n`);
      await write(`sys/class/hidraw/${one}/device/report_descriptor`, descriptor);
      await write(`dev/${one}`, '', mode);
      await link(`dev/kios/hid-${port}`, `/dev/${one}`);
      return join(root, `dev/kios/hid-${port}`);
    },
    printer: async () => {
      await write('sys/devices/usb1/1-1/product', 'Receipt Printer\n');
      await write('sys/devices/usb1/1-1/manufacturer', 'XP\n');
      await write('sys/devices/usb1/1-1/1-1:1.0/bInterfaceClass', '07\n');
      await link('sys/class/usbmisc/lp0/device', '/sys/devices/usb1/1-1/1-1:1.0');
      await link('sys/bus/usb/devices/1-1:1.0', '/sys/devices/usb1/1-1/1-1:1.0');
      await mkdir(join(root, 'sys/bus/usb/drivers/usblp'), { recursive: true });
      await link('sys/devices/usb1/1-1/1-1:1.0/driver', '/sys/bus/usb/drivers/usblp');
      await write('dev/usb/lp0', '');
      await link('dev/kios/printer-1', '/dev/usb/lp0');
      return join(root, 'dev/kios/printer-1');
    },
    screen: async (bits) => {
      await write('sys/class/graphics/fb0/virtual_size', '800,480\n');
      await write('sys/class/graphics/fb0/bits_per_pixel', `${bits}\n`);
      await write('sys/class/graphics/fb0/name', 'vc4drmfb\n');
      await write('dev/fb0', '');
      return join(root, 'dev/fb0');
    },
  };
  return tree;
}

/** What the kernel makes of a panel's EDID: `widthMm` in its first detailed timing. */
export function edidOf(widthMm: number): Uint8Array {
  const block = new Uint8Array(128);
  block.set([0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
  block[66] = widthMm & 0xff;
  block[68] = (widthMm >> 8) << 4;
  return block;
}
