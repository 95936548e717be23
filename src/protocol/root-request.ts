// What the kiosk asks of root, and what root answers: small files below /run/kios-ask (docs/DESIGN.md §7). Whoever asks
// is believed in nothing: what is signed is verified again by root. No I/O.
import { z } from 'zod';
import { chainKey } from './api.ts';

/** Made at boot by tmpfiles; only its folders of that name can be written by the kiosk. */
export const askFolder = '/run/kios-ask';
/** One folder of `askFolder` a task, one root unit a folder. */
export const rootTasks = ['update', 'clock', 'net', 'console'] as const;
export type RootTask = (typeof rootTasks)[number];

/** A signed request with a whole key chain is smaller. */
export const maxRequestBytes = 64 * 1024;
/** Newest answers of one task that are kept. */
export const maxAnswers = 16;

/** Made up by whoever asks; the answer carries it. */
export const requestId = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/, '8 to 64 letters, digits, - _');

/** `kios-0.1.0-linux-arm64.tar.gz`: never a path. */
export const bundleName = z
  .string()
  .regex(/^kios-\d{1,6}\.\d{1,6}\.\d{1,6}-linux-(x64|arm64)\.tar\.gz$/, 'no name of a bundle');

/** `update`: a bundle that lies, with its signature, in one of root's two places for them. */
export const updateRequest = z.strictObject({
  id: requestId,
  bundle: bundleName,
  /** Also a release that has failed here. */
  again: z.literal(true).optional(),
});
export type UpdateRequest = z.infer<typeof updateRequest>;

/** `clock`, `net`, `console`: what the relay (or, for `net`, the operator) has signed. */
export const signedRequest = z.strictObject({
  id: requestId,
  token: z.string().max(8192),
  /** Links of the relay's key chain that root may not know yet. */
  links: z.array(chainKey).max(64).optional(),
  /** `clock`: when the token was heard, on this boot's monotonic clock, in milliseconds. */
  heardAtMs: z.number().min(0).optional(),
});
export type SignedRequest = z.infer<typeof signedRequest>;

/** Longest reason of an answer, characters. */
export const maxWhy = 300;

/** `refused`: it will never be done. `failed`: the system would not; the same may work later. */
export const rootAnswer = z.object({
  id: requestId,
  outcome: z.enum(['done', 'refused', 'failed']),
  /** For a person, in English, without secrets. */
  why: z.string().max(maxWhy),
});
export type RootAnswer = z.infer<typeof rootAnswer>;
export const rootAnswers = z.array(rootAnswer).max(maxAnswers);

/** `kios-net`: a Wi-Fi for one kiosk. */
export const netClaims = z.object({
  kioskId: z.string().max(9),
  /** Every kiosk of this site, in place of one by its name. */
  site: z.string().max(20).optional(),
  netId: requestId,
  /** 1 to 32 bytes (IEEE 802.11, 9.4.2.2). */
  ssid: z.string().refine((text) => within(Buffer.byteLength(text), 1, 32), '1 to 32 bytes'),
  /** 8 to 63 printable ASCII characters or 64 hexadecimal digits; left out: an open network. */
  psk: z
    .string()
    .regex(
      /^([ -~]{8,63}|[0-9A-Fa-f]{64})$/,
      '8 to 63 printable characters (ASCII) or 64 hexadecimal digits',
    )
    .optional(),
  /** `sae` is WPA3 alone. */
  security: z.enum(['wpa-psk', 'sae']).default('wpa-psk'),
  hidden: z.boolean().default(false),
  iat: z.int(),
  deadline: z.iso.datetime(),
});
export type NetClaims = z.infer<typeof netClaims>;

/** What the kiosk says of itself, in its runtime folder, so that root can tell a good release from a bad one. */
export const healthReport = z.object({
  /** The folder that it runs from. */
  release: z.string().max(80),
  version: z.string().max(32),
  /** This boot's monotonic clock, milliseconds. */
  atMs: z.number().min(0),
  /** No customer is being served. */
  idle: z.boolean(),
  parts: z.record(z.string().max(32), z.object({ ok: z.boolean() })),
});
export type HealthReport = z.infer<typeof healthReport>;
export const healthFile = 'health.json';

function within(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
