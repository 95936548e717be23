// Takes the kernel proper out of Debian's vmlinuz: qemu starts it by its PVH entry, and nothing is decompressed inside of
// an emulated machine.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

/** By the first bytes of the payload. The size behind it makes the tools complain, so their exit status says nothing. */
const unpackers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  fd377a58: ['xz', '-dc', '--single-stream'],
  '28b52ffd': ['zstd', '-dc'],
  '1f8b0800': ['gzip', '-dc'],
};
const maxKernelBytes = 512 * 1024 * 1024;

/** @throws Error when this is no kernel that can be taken apart */
export function extractKernel(vmlinuz: string, vmlinux: string): void {
  const image = readFileSync(vmlinuz);
  // The Linux/x86 boot protocol, 2.08: setup_sects at 0x1f1; payload_offset and payload_length at 0x248, 0x24c.
  const sectors = image[0x1f1] ?? 0;
  const start = ((sectors === 0 ? 4 : sectors) + 1) * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
  const [tool, ...args] = unpackers[payload.subarray(0, 4).toString('hex')] ?? [];
  if (tool === undefined) throw new Error(`${vmlinuz}: compressed in an unknown way`);
  const { stdout } = spawnSync(tool, args, { input: payload, maxBuffer: maxKernelBytes });
  if (stdout.subarray(1, 4).toString() !== 'ELF') throw new Error(`${tool} made no kernel of it`);
  writeFileSync(vmlinux, stdout);
}
