// What undici's errors mean: whether anything was sent, and a word for the log that cannot carry a header or a key. PURE.

/**
 * Errors of looking up and connecting alone. An established connection never ends with one of these, so not a byte of
 * the request has left. EHOSTUNREACH and ETIMEDOUT can come later as well and are not among them.
 */
const beforeSending = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** True only where it is certain that nothing was sent. */
export function neverSent(error: unknown): boolean {
  return beforeSending.has(codeOf(error));
}

/** What went wrong, in a word. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  return `${error.name} ${codeOf(error)}`.trim();
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}
