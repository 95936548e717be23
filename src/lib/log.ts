// The log: JSON lines on stdout, an event name and fields. Never a secret, token, signature or QR text.
import { pino, type Logger } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & {
  child(bindings: Record<string, unknown>): Log;
  /** From here on, and for children made later. */
  level?: string;
};

/** Fields that are blanked wherever they appear, two levels deep. A second net: code must not log them at all. */
const secret = [
  'serverKey',
  'authorization',
  'password',
  'token',
  'privateKey',
  'claimSecret',
  'signature_key',
  'signatureKey',
  'proof',
  'qrString',
  'qr_string',
];
const paths = secret.flatMap((name) => [name, `*.${name}`]);

/** `file`: instead of stdout, where something else is drawn there. debug = a step; info = a customer sees it; warn = look today; error = out of service. */
export function createLog(part: string, level = 'info', file?: string): Log {
  return pino(
    {
      level,
      base: { part },
      redact: { paths, censor: '[hidden]' },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination(file === undefined ? { fd: 1, sync: true } : { dest: file, sync: true }),
  );
}

/** Says nothing; for tests and tools. */
export const silentLog: Log = pino({ enabled: false });
