// Blanks what looks like a secret in a text that leaves the machine. PURE. A second net: who writes the text must not put
// one in.

const hidden = '[hidden]';

/**
 * Each is recognised by its own form, wherever it stands. None takes more than a few looks at each character: an unbounded
 * quantifier stands only where it begins once in a run of what it takes, or where nothing behind it can fail.
 */
const forms: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  // A JWT or JWS: tokens, proofs, grants (RFC 7515 §3.1; a JSON header begins with `{"`), and what is glued before it.
  /(?<![\w-])[\w-]{0,40}?eyJ[\w-]{4,}\.[\w-]+\.[\w-]*/g,
  // QRIS as EMVCo writes it: payload format 01, then more.
  /000201\d{4}[ -~]{16,}/g,
  /\b(?:SB-)?Mid-(?:server|client)-[\w-]+/g,
  // SHA-512 in hex: Midtrans' signatures.
  /\b[0-9a-f]{128}\b/gi,
  // A technician's card, and the QR of a claim slip.
  /\b(?:TEKNISI|KLAIM)\d{6,}/gi,
];
/** What stands behind a name of this kind, as key files, command lines and JSON have it. */
const named =
  /((?:psk|password|passwd|wep-key\d?|claimSecret|technicianCode|privateKey(?:Pem)?)"?\s*[=:]\s*)("[^"]*"|\S+)/gi;

export function hideSecrets(text: string): string {
  const blanked = forms.reduce((left, form) => left.replace(form, hidden), text);
  return blanked.replace(named, `$1${hidden}`);
}
