// Compact JWS over Ed25519 (RFC 7515 §7.1, RFC 8037 §3.1), by node:crypto on the thread that asks: on another one it costs
// two to three times the signature. Must never take another algorithm than EdDSA. Computes, does no I/O.
import { sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';

/** What the header says besides `alg`. */
export interface JwsHeader {
  kid?: string | undefined;
  typ?: string | undefined;
}

const header = z.object({
  alg: z.literal('EdDSA'),
  kid: z.string().optional(),
  typ: z.string().optional(),
  // RFC 7515 §4.1.11: whoever does not understand what it names must refuse. We understand nothing of it.
  crit: z.undefined().optional(),
});

/** base64url of 64 bytes (RFC 8032 §5.1.6). */
const signatureText = /^[\w-]{86}$/;

/** Signs an object. */
export function signJws(
  more: Readonly<JwsHeader>,
  claims: Readonly<Record<string, unknown>>,
  privateKey: KeyObject,
): string {
  const signed = `${encode({ alg: 'EdDSA', ...more })}.${encode(claims)}`;
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`;
}

/**
 * What was signed, as JSON, and under which header. Undefined: it is no such JWS, or not of this key.
 * @param keyOf the public key for a header; undefined refuses.
 */
export function openJws(
  token: string,
  keyOf: (header: JwsHeader) => KeyObject | undefined,
): { header: JwsHeader; claims: unknown } | undefined {
  const [first = '', second = '', signature = '', ...others] = token.split('.');
  if (others.length > 0 || !signatureText.test(signature)) return undefined;
  const head = header.safeParse(decode(first));
  if (!head.success) return undefined;
  const key = keyOf(head.data);
  if (key?.asymmetricKeyType !== 'ed25519') return undefined;
  const signed = Buffer.from(`${first}.${second}`);
  if (!verify(null, signed, key, Buffer.from(signature, 'base64url'))) return undefined;
  return { header: head.data, claims: decode(second) };
}

/** What a JWS says, unverified: only good for finding the key to verify it with. Undefined: it says nothing. */
export function claimsUnverified(token: string): unknown {
  return decode(token.split('.', 3)[1] ?? '');
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Undefined for what is no base64url of JSON. */
function decode(part: string): unknown {
  if (!/^[\w-]+$/.test(part)) return undefined;
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
