// Which native parts a bundle may hold. PURE. A part that would not load on a Pi in the field must never be packed.
import { ElfError, isElf, isNewer, readElf, type GlibcVersion } from './elf.ts';

export type Arch = 'arm64' | 'x64';

/** Pages of a Raspberry Pi 5 are 16 kB; a segment that is aligned to less cannot be loaded there. */
const minAlignment = 0x4000;
/** Debian 12's; 13 has 2.41. */
const newestGlibc: GlibcVersion = { major: 2, minor: 36 };

/** What is wrong with a file of a bundle for this architecture; undefined: it is no ELF file, or a good one. */
export function nativeFault(bytes: Uint8Array, arch: Arch): string | undefined {
  if (!isElf(bytes)) return undefined;
  try {
    const { machine, loadAlignment, glibc } = readElf(bytes);
    if (machine !== arch) return `is for ${machine}, and the bundle for ${arch}`;
    if (arch === 'arm64' && loadAlignment < minAlignment) {
      return `is aligned to 0x${loadAlignment.toString(16)}: a Pi 5 with 16 kB pages does not load it`;
    }
    if (glibc !== undefined && isNewer(glibc, newestGlibc)) {
      return `asks for GLIBC ${glibc.major}.${glibc.minor}: Debian 12 has ${newestGlibc.major}.${newestGlibc.minor}`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof ElfError) return `cannot be read: ${error.message}`;
    throw error;
  }
}
