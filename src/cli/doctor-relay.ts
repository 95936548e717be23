// Relay, broker and clock, as `kios doctor` sees them. It asks as the kiosk of this boot, so that the relay takes it for no
// copy; it believes no answer without a proof, and changes nothing on either side.
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { openBrokerLine } from '../kiosk/broker-line.ts';
import { trustedKeys, type Identity } from '../kiosk/identity.ts';
import { journalName } from '../kiosk/journal-file.ts';
import { withJournalView } from '../kiosk/journal-view.ts';
import { createRelayClient, type RelayClient } from '../kiosk/relay-client.ts';
import { sendByHttp, type Send } from '../kiosk/send.ts';
import type { Clock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import { KiosError } from '../protocol/errors.ts';
import { claimsUnverified } from '../protocol/jws.ts';
import { fault, look, skipped, well, type Finding } from './finding.ts';

const brokerLimitMs = 5000;
/** systemd-timesyncd(8): touched when the clock was set by NTP. */
const synchronised = '/run/systemd/timesync/synchronized';
/** As the relay client: below it a token needs no correction. */
const offsetToleranceMs = 30_000;

/** What the journal says that the relay has signed last, and of which boot the kiosk's last start was. */
export interface Remembered {
  bootId?: string;
  sale?: { saleId: string; ledgerId: string };
}

/** @throws KiosError as the journal does */
export async function readRemembered(stateDir: string): Promise<Remembered> {
  return withJournalView(join(stateDir, journalName), (db) => Promise.resolve(remembered(db)));
}

const restarted = z.object({ kind: z.literal('restarted'), bootId: z.string() });
const provenClaims = z.object({ ledgerId: z.string() });

function remembered(db: DatabaseSync): Remembered {
  const start = db
    .prepare(
      `SELECT body FROM entries WHERE kind = 'event' AND instr(body, '"kind":"restarted"') > 0
       ORDER BY number DESC LIMIT 1`,
    )
    .get();
  const said = restarted.safeParse(
    start === undefined ? undefined : JSON.parse(String(start['body'])),
  );
  const row = db
    .prepare(
      'SELECT saleId, proof FROM sales WHERE proof IS NOT NULL ORDER BY changed DESC LIMIT 1',
    )
    .get();
  const claims = row === undefined ? undefined : claimsUnverified(String(row['proof']));
  const ledgerId = provenClaims.safeParse(claims).data?.ledgerId;
  return {
    ...(said.success ? { bootId: said.data.bootId } : {}),
    ...(row === undefined || ledgerId === undefined
      ? {}
      : { sale: { saleId: String(row['saleId']), ledgerId } }),
  };
}

/**
 * The boot as the kiosk itself names it to the relay: under another name the doctor would be a second copy of this card.
 * @param machine the kernel's boot_id; a service gets it from systemd without its dashes
 */
export function bootName(machine: string, last: string | undefined): string {
  const plain = machine.replaceAll('-', '');
  return last?.replaceAll('-', '') === plain ? last : plain;
}

export function machineBoot(path = '/proc/sys/kernel/random/boot_id'): string {
  return readFileSync(path, 'utf8').trim();
}

interface RelayChecks {
  identity: Identity;
  remembered: Remembered;
  bootId: string;
  clock: Clock;
  send?: Send;
}

/** Whether it answers with its signature, takes this kiosk's token, and has the ledger that the journal knows. */
export async function checkRelay(checks: RelayChecks): Promise<Finding[]> {
  const { identity, bootId, clock, send = sendByHttp } = checks;
  let why = '';
  let offsetMs: number | undefined;
  const client = createRelayClient({
    ...{ identity, keys: trustedKeys(identity), bootId, clock, log: silentLog },
    send: async (url, request) => {
      try {
        return await send(url, request);
      } catch (error) {
        why = causeOf(error);
        throw error;
      }
    },
    onTime: (neededMs) => {
      offsetMs = neededMs;
    },
  });
  const probed = await client.probe();
  if (!probed.ok) {
    const newKey =
      'not signed by a key that was pinned; after a change of keys start the kiosk once';
    const { code } = probed.failure;
    const detail = code === 'bad-proof' ? newKey : why === '' ? 'it answers nonsense' : why;
    const found = fault('relay', code, `${identity.relayUrl}: ${detail}`);
    return [found, await systemClockFinding(synchronised)];
  }
  return [await checkToken(checks, client), clockFinding(offsetMs ?? 0)];
}

/** A sale that never was: the relay says so only to a kiosk that it knows. */
const noUlid = '00000000000000000000000000';

async function checkToken(
  { identity, remembered: { sale } }: RelayChecks,
  client: RelayClient,
): Promise<Finding> {
  const { kioskId } = identity.enrolment;
  const { relayUrl } = identity;
  const seen = await client.look(sale?.saleId ?? `${kioskId}-${noUlid}`);
  if (seen.ok) {
    const same = sale === undefined || seen.value.ledgerId === sale.ledgerId;
    if (same) return well('relay', `${relayUrl} knows this kiosk and its last sale`);
    return look('relay', 'ledger-differs', 'its last sale is of another ledger there');
  }
  const { code } = seen.failure;
  if (code !== 'sale-unknown') return fault('relay', code, `${relayUrl} refuses this kiosk`);
  if (sale === undefined) return well('relay', `${relayUrl} knows this kiosk`);
  return look('relay', 'ledger-differs', 'it does not know the last sale that it has signed');
}

function clockFinding(offsetMs: number): Finding {
  if (Math.abs(offsetMs) < offsetToleranceMs) {
    return well('clock', "within half a minute of the relay's signed time");
  }
  const by = `${Math.round(Math.abs(offsetMs) / 1000)} s ${offsetMs > 0 ? 'behind' : 'ahead of'}`;
  return look('clock', 'clock-skew', `it is ${by} the relay's signed time`);
}

/** Without the relay's word: whether NTP has set the clock since the boot. @param file for tests */
export async function systemClockFinding(file = synchronised): Promise<Finding> {
  const isSet = await stat(file).then(
    () => true,
    () => false,
  );
  if (isSet) return well('clock', 'set by NTP since the boot');
  return look('clock', 'clock-unknown', 'neither the relay nor NTP has told the time');
}

/** The line alone: a second session under this kiosk's name would put the kiosk's own out. */
export async function checkBroker({ enrolment }: Identity, clock: Clock): Promise<Finding> {
  const { brokerUrl } = enrolment;
  const secure = brokerUrl.startsWith('mqtts:');
  const outcome = Promise.withResolvers<Finding>();
  const lost = (why: string): void => {
    outcome.resolve(look('broker', 'broker-unreachable', `${brokerUrl}: ${why}`));
  };
  const cancel = clock.after(brokerLimitMs, () => {
    lost(`no line within ${brokerLimitMs / 1000} s`);
  });
  try {
    const socket = openBrokerLine(brokerUrl, (error) => {
      lost(error.message);
    });
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      const how = secure ? 'by TLS, its certificate holds' : 'without TLS';
      outcome.resolve(well('broker', `${brokerUrl} takes a line, ${how}`));
    });
    const finding = await outcome.promise;
    socket.destroy();
    return finding;
  } catch (error) {
    return look('broker', 'broker-unreachable', String(error));
  } finally {
    cancel();
  }
}

/** What the network or TLS said, without the words around it. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  const code = 'code' in cause ? ` (${String(cause.code)})` : '';
  return `${cause.message}${code}`;
}

/** Without an identity there is nobody to ask. */
export const notAsked: readonly Finding[] = [
  skipped('relay', 'not asked: this machine has no identity'),
  skipped('broker', 'not asked: this machine has no identity'),
];

/** Nothing is remembered where the journal cannot be read; that is told as the journal's own fault. */
export async function tryRemembered(stateDir: string): Promise<Remembered> {
  try {
    return await readRemembered(stateDir);
  } catch (error) {
    if (error instanceof KiosError) return {};
    throw error;
  }
}
