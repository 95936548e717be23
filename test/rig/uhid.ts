// A virtual USB keypad made of the kernel's uhid: real hidraw and input nodes, no hardware. It keeps its own keys from
// the consoles, because whatever it types would else be typed into the machine that runs the test.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** linux/uhid.h: enum uhid_event_type. */
const uhidDestroy = 1;
const uhidCreate2 = 11;
const uhidInput2 = 12;
/** linux/uhid.h: HID_MAX_DESCRIPTOR_SIZE, UHID_DATA_MAX. */
const maxDescriptorBytes = 4096;
const maxReportBytes = 4096;
const busUsb = 3;

export interface DeviceIdentity {
  name: string;
  unique: string;
  vendor: number;
  product: number;
}

/** struct uhid_event with a uhid_create2_req: packed, in the machine's own byte order. */
export function createEvent(identity: DeviceIdentity, descriptor: Uint8Array): Buffer {
  const event = Buffer.alloc(4 + 128 + 64 + 64 + 2 + 2 + 4 * 4 + maxDescriptorBytes);
  event.writeUInt32LE(uhidCreate2, 0);
  event.write(identity.name, 4, 127);
  event.write('kios-rig/input0', 132, 63);
  event.write(identity.unique, 196, 63);
  event.writeUInt16LE(descriptor.length, 260);
  event.writeUInt16LE(busUsb, 262);
  event.writeUInt32LE(identity.vendor, 264);
  event.writeUInt32LE(identity.product, 268);
  event.set(descriptor, 280);
  return event;
}

/** struct uhid_event with a uhid_input2_req. */
export function inputEvent(report: Uint8Array): Buffer {
  const event = Buffer.alloc(4 + 2 + maxReportBytes);
  event.writeUInt32LE(uhidInput2, 0);
  event.writeUInt16LE(report.length, 4);
  event.set(report, 6);
  return event;
}

export interface VirtualHid {
  /** `/dev/hidrawN`; undefined as long as the kernel has not made it. */
  node(): string | undefined;
  input(report: Uint8Array): Promise<void>;
  destroy(): Promise<void>;
}

/** Plugs in a device with this report descriptor. @throws Error of the file system when /dev/uhid is not ours to use. */
export async function createVirtualHid(
  identity: DeviceIdentity,
  descriptor: Uint8Array,
): Promise<VirtualHid> {
  const uhid: FileHandle = await open('/dev/uhid', 'r+');
  await uhid.write(createEvent(identity, descriptor));
  return {
    node: () => hidrawOf(identity.unique),
    input: async (report) => {
      await uhid.write(inputEvent(report));
    },
    destroy: async () => {
      const event = Buffer.alloc(4);
      event.writeUInt32LE(uhidDestroy, 0);
      await uhid.write(event);
      await uhid.close();
    },
  };
}

const hidrawClass = '/sys/class/hidraw';

/** The node with this serial, once its keys are kept from the consoles (as our udev rule does it). */
function hidrawOf(unique: string): string | undefined {
  const name = namesIn(hidrawClass).find((one) =>
    textOf(join(hidrawClass, one, 'device/uevent')).includes(`HID_UNIQ=${unique}\n`),
  );
  if (name === undefined) return undefined;
  const inputs = join(hidrawClass, name, 'device/input');
  const found = namesIn(inputs);
  for (const input of found) writeFileSync(join(inputs, input, 'inhibited'), '1');
  return found.length === 0 ? undefined : `/dev/${name}`;
}

function namesIn(folder: string): string[] {
  return orElse(() => readdirSync(folder), []);
}

function textOf(path: string): string {
  return orElse(() => readFileSync(path, 'utf8'), '');
}

/** sysfs comes and goes with the device. */
function orElse<T>(read: () => T, missing: T): T {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return missing;
    throw error;
  }
}
