// npm's lock file, as far as we read it: which package lies where, and where another one finds it. PURE.
import { z } from 'zod';

const names = z.record(z.string(), z.string()).default({});
const entry = z.object({
  /** Only where the folder has another name than the package. */
  name: z.string().optional(),
  version: z.string(),
  license: z.string().optional(),
  /** Subresource integrity: `sha512-…`, several with spaces between them. */
  integrity: z.string().optional(),
  /** Only for those who build and test. */
  dev: z.boolean().default(false),
  /** Only on some machines. */
  optional: z.boolean().default(false),
  hasInstallScript: z.boolean().default(false),
  dependencies: names,
  devDependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
});
const lockFile = z.object({ lockfileVersion: z.literal(3), packages: z.record(z.string(), entry) });

/** One package that is locked. */
export type LockedPackage = z.infer<typeof entry>;
/** By folder: `node_modules/zod`. The project itself has the empty one. */
export type LockedPackages = Readonly<Record<string, LockedPackage>>;

/** @throws ZodError for what is no lock file of version 3, SyntaxError for what is no JSON */
export function readLock(text: string): LockedPackages {
  return lockFile.parse(JSON.parse(text)).packages;
}

/** `@fastify/rate-limit`: under which name the registry has it. */
export function packageName(folder: string, { name }: LockedPackage): string {
  return name ?? folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** The folder in which the package in `from` finds `name`, as Node looks for it; undefined: it is not locked. */
export function folderOf(packages: LockedPackages, name: string, from: string): string | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    const folder = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (Object.hasOwn(packages, folder)) return folder;
    if (at === '') return undefined;
  }
}
