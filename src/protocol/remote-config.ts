// The configuration that an operator gives a kiosk from his desk (PROTOCOL.md §9): what the relay signs, and how a kiosk asks
// for it. Prices are money: nothing of it is believed without the relay's signature. Computes, does no I/O.
import { z } from 'zod';
import { environment } from './api.ts';
import { KiosError } from './errors.ts';
import { kioskId } from './ids.ts';
import { openProof, type TrustedKeys } from './proof.ts';
import { configVersion } from './topics.ts';

/** Of a signed configuration, characters. */
export const maxConfigToken = 1024 * 1024;
/** Of its settings as JSON, bytes: base64url makes four of three, and the rest is for header, names and signature. */
export const maxSettingsBytes = 750_000;

/** What the relay signs, header `typ: kios-config`. Which settings there are is the kiosk's to know. */
export const configClaims = z.object({
  env: environment,
  kioskId,
  version: configVersion,
  settings: z.record(z.string(), z.unknown()),
  /** When the operator pushed it, seconds. */
  iat: z.int(),
});
export type ConfigClaims = z.infer<typeof configClaims>;

/** `GET /v1/config?have=N`: the newest for this kiosk, when it is above the highest that the kiosk has, or has refused. */
export const configQuery = z.strictObject({
  have: z
    .string()
    .regex(/^\d{1,12}$/, 'a version, or 0')
    .transform(Number),
});
export const configAnswer = z.object({
  config: z.object({ token: z.string().max(maxConfigToken) }).optional(),
});

/**
 * Checks that the relay has signed this configuration, for this kiosk. Whether it can be used is the kiosk's to judge.
 * @throws KiosError `bad-proof`, or `not-yours` for another kiosk's
 */
export async function openConfig(
  token: string,
  expected: { kioskId: string; environment: string },
  keys: TrustedKeys,
): Promise<ConfigClaims> {
  const claims = await openProof(token, 'kios-config', configClaims, keys);
  if (claims.kioskId !== expected.kioskId || claims.env !== expected.environment) {
    throw new KiosError('not-yours', 'the configuration is for another kiosk');
  }
  return claims;
}
