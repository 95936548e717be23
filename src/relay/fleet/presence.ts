// What kiosks say over MQTT: acknowledgements and their status. Messages that make no sense are counted and dropped,
// so that none of them comes again for ever.
import { type Log } from '../../lib/log.ts';
import { ackMessage, statusMessage, type AckMessage } from '../../protocol/topics.ts';
import { type BrokerEvents } from '../broker/broker.ts';
import { type Metrics } from '../metrics.ts';
import { type CoreStore } from '../store/store.ts';

export interface PresenceParts {
  store: CoreStore;
  log: Log;
  metrics: Metrics;
  /** Its unacknowledged verdicts are due again. */
  wake(kioskId: string): void;
}

/** The relay's ears at the broker. */
export function createPresence(parts: PresenceParts): BrokerEvents {
  const { store, log, metrics } = parts;

  async function online(kioskId: string, status: string | null): Promise<void> {
    const before = await store.kiosk(kioskId);
    await store.noteStatus(kioskId, true, status);
    if (before?.online === 1 && status !== null) return;
    await store.resend(kioskId);
    parts.wake(kioskId);
  }

  return {
    async message(kioskId, leaf, payload) {
      const text = new TextDecoder().decode(payload);
      if (leaf === 'ack') {
        const ack = parse(text, ackMessage);
        if (ack === undefined) metrics.acks.inc({ outcome: 'malformed' });
        else await takeAck(parts, kioskId, ack);
        return;
      }
      const status = parse(text, statusMessage);
      if (status === undefined) log.warn({ kioskId }, 'status.malformed');
      else if (status.online) await online(kioskId, text);
      else await store.noteStatus(kioskId, false, text);
    },
    listening(kioskId) {
      online(kioskId, null).catch((error: unknown) => {
        log.error({ kioskId, error: String(error) }, 'presence.failed');
      });
    },
    gone(kioskId) {
      store.noteStatus(kioskId, false, null).catch((error: unknown) => {
        log.error({ kioskId, error: String(error) }, 'presence.failed');
      });
    },
  };
}

/** Takes an acknowledgement, from whichever way it came. False: it is not of this ledger, or of a number never given. */
export async function takeAck(
  parts: Pick<PresenceParts, 'store' | 'metrics'>,
  kioskId: string,
  ack: AckMessage,
): Promise<boolean> {
  const ours = ack.ledgerId === parts.store.ledgerId;
  const taken = ours && (await parts.store.acked(kioskId, ack.upTo));
  parts.metrics.acks.inc({ outcome: taken ? 'taken' : 'ledger-differs' });
  return taken;
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
