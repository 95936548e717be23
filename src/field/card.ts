// Prepares a card by the system's own tools (sfdisk, e2fsprogs), at offsets of the whole card: neither a loop device nor
// the kernel's view of its partitions is needed. It writes only to the card that was named, and never to a mounted one.
import { open, stat } from 'node:fs/promises';
import { z } from 'zod';
import { partitionLabel, planCard, sectorBytes, type CardPlan, type Extent } from './card-plan.ts';
import { runTool, ToolError } from './run-tool.ts';

const tableSchema = z.object({
  partitiontable: z.object({
    label: z.string(),
    sectorsize: z.number().optional(),
    partitions: z
      .array(z.object({ start: z.number(), size: z.number(), type: z.string() }))
      .default([]),
  }),
});
const blocksSchema = z.object({
  blockdevices: z.array(
    z.object({
      type: z.string(),
      mountpoints: z.array(z.string().nullable()),
    }),
  ),
});

export interface Card {
  bytes: number;
  plan: CardPlan;
}

/**
 * Looks at an image file or a block device, and changes nothing.
 * @throws ToolError when it cannot be read.
 */
export async function readCard(target: string): Promise<Card> {
  const kind = await stat(target).catch((error: unknown) => {
    throw new ToolError(`there is no ${target} that can be read`, error);
  });
  if (!kind.isBlockDevice() && !kind.isFile()) {
    throw new ToolError(`${target} is neither a device nor an image file`);
  }
  const bytes = await sizeOf(target);
  const inUse = kind.isBlockDevice() ? await deviceFault(target) : await imageFault(target);
  if (inUse !== undefined) return { bytes, plan: { kind: 'refused', why: inUse } };
  const { partitiontable: table } = tableSchema.parse(
    JSON.parse(await runTool('sfdisk', ['--json', target])),
  );
  const third = table.partitions[2];
  const isOurs = third !== undefined && (await labelAt(target, third.start)) === partitionLabel;
  return { bytes, plan: planCard(table, bytes, isOurs) };
}

/** The kernel tells the size of a device only by seeking. */
async function sizeOf(target: string): Promise<number> {
  const kind = await stat(target);
  if (kind.isFile()) return kind.size;
  return Number(await runTool('blockdev', ['--getsize64', target]));
}

async function deviceFault(target: string): Promise<string | undefined> {
  const said = await runTool('lsblk', ['--json', '--list', '-o', 'TYPE,MOUNTPOINTS', target]);
  const { blockdevices } = blocksSchema.parse(JSON.parse(said));
  if (blockdevices[0]?.type !== 'disk') return 'it is a partition: name the whole card';
  const places = blockdevices.flatMap(({ mountpoints }) => mountpoints.filter((at) => at !== null));
  return places.length === 0
    ? undefined
    : `it is mounted at ${places.join(', ')}: unmount it first`;
}

async function imageFault(target: string): Promise<string | undefined> {
  const loops = await runTool('losetup', ['--associated', target]).catch(() => '');
  return loops === '' ? undefined : `it is in use as a loop device: ${loops.trim()}`;
}

/** The label of the ext4 filesystem that begins at a sector (ext4 super block: at 1024, its volume name at 120). */
async function labelAt(target: string, start: number): Promise<string> {
  const file = await open(target);
  try {
    const name = Buffer.alloc(16);
    await file.read(name, 0, name.length, start * sectorBytes + 1024 + 120);
    return name.toString('latin1').replace(/\0.*$/s, '');
  } finally {
    await file.close();
  }
}

/**
 * Does what the plan says. Cut off anywhere, it can be run again: the partition is entered last, and then its filesystem
 * is there. With it the root is no longer the last one, and the first boot of Raspberry Pi OS leaves its partition alone
 * (raspberrypi-sys-mods, `firstboot`). Its filesystem is grown by scripts/provision.sh, while it is mounted: resize2fs
 * cuts an image file off at the end of the filesystem that it has grown.
 */
export async function prepareCard(
  target: string,
  { root, data }: { root: Extent & { grows: boolean }; data: Extent },
): Promise<void> {
  await runTool('mkfs.ext4', [
    ...['-q', '-F', '-L', partitionLabel, '-m', '1'],
    ...['-E', `offset=${data.start * sectorBytes},root_owner=0:0`],
    target,
    `${(data.size * sectorBytes) / 1024}k`,
  ]);
  if (root.grows) {
    await sfdisk(target, ['-N', '2'], `${root.start},${root.size}\n`);
  }
  await sfdisk(target, ['--append'], `${data.start},${data.size},83\n`);
  await runTool('sync', [target]);
}

async function sfdisk(target: string, options: readonly string[], line: string): Promise<void> {
  const args = ['--quiet', '--no-reread', '--no-tell-kernel', ...options, target];
  await runTool('sfdisk', args, { input: line });
}
