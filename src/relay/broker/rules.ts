// What the broker inside the relay lets a client do: aedes' four questions, each answered by one function. A kiosk reaches
// its own topics alone, each in its one direction.
import type { AedesOptions, AuthenticateError } from 'aedes';
import { type Log } from '../../lib/log.ts';
import { parseTopic } from '../../protocol/topics.ts';
import { type QuietWarn } from '../quiet-log.ts';
import { kioskMay } from './acl.ts';
import { maxPayloadBytes, type BrokerEvents } from './broker.ts';
import { type Door } from './door.ts';
import { type Guests } from './guests.ts';

/** Key and boot of that kiosk, when this token is its, alive and not revoked. Never throws for a wrong one. */
export type Admits = (
  kioskId: string,
  token: string,
) => Promise<{ publicKey: string; bootId: string } | undefined>;

export interface RulesOptions {
  admits: Admits;
  guests: Guests;
  door: Door;
  log: Log;
  warn: QuietWarn;
  /** Who stores what kiosks say; undefined before the broker has started. */
  told: () => BrokerEvents | undefined;
}

type Rules = Required<
  Pick<
    AedesOptions,
    'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'
  >
>;

/** An echo proves that the way is open; it carries nothing. */
const maxEchoBytes = 64;
/** Written and not taken by a client: a hundred verdicts are 200 KB. */
const maxUnsentBytes = 1024 * 1024;

export function brokerRules(options: RulesOptions): Rules {
  return {
    authenticate: authentication(options),
    authorizePublish: publishing(options),
    authorizeSubscribe: subscribing(options),
    authorizeForward: forwarding(options),
  };
}

function authentication({ admits, guests, door, log }: RulesOptions): Rules['authenticate'] {
  return (client, username, password, done) => {
    const token = password?.toString() ?? '';
    // The client id is the session: another kiosk's id would take its messages over.
    const named = username !== undefined && username === client.id ? username : undefined;
    door.named(client.conn);
    if (named !== undefined) guests.arriving(client);
    const check = named === undefined ? Promise.resolve(named) : admits(named, token);
    check.then(
      (kiosk) => {
        if (kiosk === undefined) {
          done(refused(5), false);
          return;
        }
        guests.shows(client, kiosk.publicKey, kiosk.bootId);
        done(null, true);
      },
      (error: unknown) => {
        log.error({ error: String(error) }, 'broker.authenticate-failed');
        done(refused(3), false);
      },
    );
  };
}

function publishing({ log, warn, told }: RulesOptions): Rules['authorizePublish'] {
  return (client, packet, done) => {
    if (client === null) {
      done(null);
      return;
    }
    const at = parseTopic(packet.topic);
    if (at === undefined || !kioskMay(client.id, 'publish', packet.topic)) {
      warn('broker.publish-refused', client.id);
      done(new Error('not yours'));
      return;
    }
    const payload = Buffer.from(packet.payload);
    if (payload.length > (at.leaf === 'echo' ? maxEchoBytes : maxPayloadBytes)) {
      done(new Error('too large'));
      return;
    }
    // PROTOCOL.md §5 speaks QoS 1 alone; of QoS 2 the broker would keep every message until its PUBREL.
    if (packet.qos === 2) {
      done(new Error('no such quality here'));
      return;
    }
    const events = told();
    if ((at.leaf !== 'ack' && at.leaf !== 'status') || events === undefined) {
      done(null);
      return;
    }
    // Before the PUBACK: acknowledged means stored.
    events.message(at.kioskId, at.leaf, payload).then(
      () => {
        done(null);
      },
      (error: unknown) => {
        log.error({ kioskId: client.id, error: String(error) }, 'broker.message-failed');
        done(new Error('not stored'));
      },
    );
  };
}

function subscribing({ warn }: RulesOptions): Rules['authorizeSubscribe'] {
  return (client, subscription, done) => {
    if (kioskMay(client.id, 'subscribe', subscription.topic)) {
      done(null, subscription);
      return;
    }
    warn('broker.subscribe-refused', client.id);
    // MQTT 3.1.1 §3.9.3: a refused subscription is answered 0x80.
    done(null, null);
  };
}

function forwarding({ warn }: RulesOptions): Rules['authorizeForward'] {
  return (client, packet) => {
    const unsent = client.conn.writableLength;
    if (unsent <= maxUnsentBytes) return packet;
    warn('broker.client-dropped', client.id, { reason: 'it takes nothing' });
    client.conn.destroy();
    return null;
  };
}

/** MQTT 3.1.1 §3.2.2.3: 3 the server is unavailable, 5 not authorised. */
function refused(returnCode: 3 | 5): AuthenticateError {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- aedes' enum does not exist at run time.
  return Object.assign(new Error('refused'), { returnCode });
}
