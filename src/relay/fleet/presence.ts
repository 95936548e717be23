// What kiosks say over MQTT: acknowledgements and their status. Messages that make no sense are counted and dropped,
// so that none of them comes again for ever.
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { isErrorCode, type ErrorCode } from '../../protocol/errors.ts';
import { ackMessage, statusMessage, type StatusMessage } from '../../protocol/topics.ts';
import { type BrokerEvents } from '../broker/broker.ts';
import { type Letters } from '../letters.ts';
import { type Metrics } from '../metrics.ts';
import { createQuietLog } from '../quiet-log.ts';
import { type CoreStore } from '../store/store.ts';
import { createAcks } from './acks.ts';

export interface PresenceParts {
  store: CoreStore;
  clock: Pick<Clock, 'monotonicMs'>;
  log: Log;
  metrics: Metrics;
  letters: Letters;
  /** Its unacknowledged verdicts are due again. */
  wake(kioskId: string): void;
}

/** The relay's ears at the broker. */
export function createPresence(parts: PresenceParts): BrokerEvents {
  const { store, log, metrics } = parts;
  const warn = createQuietLog(parts.clock, log);
  const takeAck = createAcks(parts);
  /** Those whose connection we see ourselves: they came back when they listened, not when they spoke. */
  const seen = new Set<string>();
  const running = new Map<string, Promise<void>>();
  /** Comings and goings that are not noted yet, each with the run that will: what comes right after takes its place. */
  const unnoted = new Map<string, { here: boolean; run: Promise<void> | undefined }>();

  /** One after the other for each kiosk: what came last must stand. */
  function inOrder(kioskId: string, work: () => Promise<void>): Promise<void> {
    const run = (running.get(kioskId) ?? Promise.resolve()).catch(() => undefined).then(work);
    running.set(kioskId, run);
    const forget = (): void => {
      if (running.get(kioskId) === run) running.delete(kioskId);
    };
    run.then(forget, forget);
    return run;
  }

  async function cameBack(kioskId: string): Promise<void> {
    await store.resend(kioskId);
    parts.wake(kioskId);
  }

  async function takeStatus(kioskId: string, text: string): Promise<void> {
    // A relay clears it when it lets a kiosk in no more.
    if (text === '') return;
    const status = parse(text, statusMessage);
    if (status === undefined) {
      warn('status.malformed', kioskId);
      return;
    }
    const row = await store.kiosk(kioskId);
    if (row?.revokedAtMs !== null) return;
    const known = row.status === null ? undefined : parse(row.status, statusMessage);
    if (known !== undefined && isOlder(status, known)) {
      log.debug({ kioskId, connection: status.connection }, 'status.older');
      return;
    }
    countIll(status, known);
    // Retained ones come again at every connection of every relay.
    if (row.status !== text || (row.online === 1) !== status.online) {
      await store.noteStatus(kioskId, status.online, text);
    }
    if (!status.online) return;
    const isNew = known?.bootId !== status.bootId || known.connection !== status.connection;
    if (row.online !== 1 || (isNew && !seen.has(kioskId))) await cameBack(kioskId);
  }

  /** What has come since its last status. Only codes of ours: a kiosk's own words must not become labels. */
  function countIll(status: StatusMessage, known: StatusMessage | undefined): void {
    const before = codesOf(known);
    for (const code of codesOf(status)) if (!before.has(code)) metrics.ills.inc({ code });
  }

  function report(kioskId: string): (error: unknown) => void {
    return (error) => {
      log.error({ kioskId, error: String(error) }, 'presence.failed');
    };
  }

  /** A kiosk that comes and goes a thousand times a second waits in one place for its turn. */
  function note(kioskId: string, here: boolean): void {
    const waits = unnoted.get(kioskId);
    if (waits !== undefined && waits.run === running.get(kioskId)) {
      waits.here = here;
      return;
    }
    const noted: { here: boolean; run: Promise<void> | undefined } = { here, run: undefined };
    noted.run = inOrder(kioskId, async () => {
      if (unnoted.get(kioskId) === noted) unnoted.delete(kioskId);
      if (!noted.here) {
        await store.noteStatus(kioskId, false, null);
        return;
      }
      await Promise.all([store.noteStatus(kioskId, true, null), store.resend(kioskId)]); // One sync.
      parts.wake(kioskId);
    });
    unnoted.set(kioskId, noted);
    noted.run.catch(report(kioskId));
  }

  return {
    async message(kioskId, leaf, payload) {
      const text = new TextDecoder().decode(payload);
      if (leaf === 'status') {
        await inOrder(kioskId, () => takeStatus(kioskId, text));
        return;
      }
      const ack = parse(text, ackMessage);
      if (ack === undefined) metrics.acks.inc({ outcome: 'malformed' });
      else await takeAck(kioskId, ack);
    },
    listening(kioskId) {
      seen.add(kioskId);
      note(kioskId, true);
    },
    gone(kioskId) {
      seen.delete(kioskId);
      note(kioskId, false);
    },
  };
}

function codesOf(status: StatusMessage | undefined): ReadonlySet<ErrorCode> {
  const codes = Object.values(status?.parts ?? {}).map(({ code = '' }) => code);
  return new Set(codes.filter(isErrorCode));
}

/**
 * Whether another one has been heard since: a will is sent by the broker, and may come after the connection that took
 * the place of its own (PROTOCOL.md §5). Connection numbers count within one boot; boots have no order, so that only
 * its own goodbye ends what another boot has said.
 */
function isOlder(status: StatusMessage, known: StatusMessage): boolean {
  if (status.bootId === known.bootId) return status.connection < known.connection;
  return !status.online;
}

function parse<T>(
  text: string,
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
