// Which release a kiosk should run, as the relay says it. Nobody is believed in this: root verifies the bundle's signature
// and refuses what is older (docs/DESIGN.md §7); the relay only says when and where. Computes, does no I/O.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { bundleName } from './root-request.ts';
import { isSafeAddress } from './safe-address.ts';

/** A group of kiosks that get a release together. A kiosk that was put into none is in the first. */
export const defaultChannel = 'stable';
export const channel = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,15}$/, 'a channel is 1 to 16 lower-case letters, digits and -');

export const arches = ['arm64', 'x64'] as const;
export type Arch = (typeof arches)[number];

export const version = z
  .string()
  .regex(/^\d{1,6}\.\d{1,6}\.\d{1,6}$/, 'a version is three numbers, such as 1.4.0');
/** SHA-256 of a bundle, lower-case hex: what was cut off or damaged on the way need not be shown to root. */
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 hexadecimal digits');
/** The folder in which bundles lie, each beside its signature. */
export const releaseUrl = z
  .string()
  .max(300)
  .refine((url) => isSafeAddress(url, 'https:') && url.endsWith('/'), {
    error: 'the address of a folder: https://…/, with the last slash',
  });

/** A bundle is no larger; root takes none that is. */
export const maxBundleBytes = 200 * 1024 * 1024;
/** Of Ed25519 (RFC 8032 §5.1.6). */
export const signatureBytes = 64;

/** `GET /v1/release?arch=arm64`. Without a release there is nothing for this kiosk now. */
export const releaseQuery = z.strictObject({ arch: z.enum(arches) });
export const releaseAnswer = z.object({
  release: z.object({ version, url: releaseUrl, sha256 }).optional(),
});
export type Release = NonNullable<z.infer<typeof releaseAnswer>['release']>;

/** The name of a release's bundle in its folder. */
export function bundleNameOf(release: string, arch: Arch): string {
  return bundleName.parse(`kios-${release}-linux-${arch}.tar.gz`);
}

/**
 * Whether a kiosk is among so many of a hundred. Always the same ones, and a larger share holds the smaller ones: whoever
 * has a release keeps it when the share grows.
 */
export function isAmong(kioskId: string, percent: number): boolean {
  const place = createHash('sha256').update(kioskId).digest().readUInt32BE() % 100;
  return place < percent;
}
