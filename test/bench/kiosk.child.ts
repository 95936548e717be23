// Kiosks for the chain, without their machines: the real broker link, the real proof, the real journal. A document is
// acknowledged (PUBACK, then `ack`) only when it is in the journal. Several share a process and one journal here, which
// stands for as many machines: what came in one turn of the loop is appended together.
import { readFileSync } from 'node:fs';
import { startBrokerLink, type BrokerLink } from '../../src/kiosk/broker-link.ts';
import { trustedKeys, type Identity } from '../../src/kiosk/identity.ts';
import { openJournal } from '../../src/kiosk/journal.ts';
import { createRelayClient } from '../../src/kiosk/relay-client.ts';
import { type Told } from '../../src/kiosk/state.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { readyChild } from './child.ts';
import { createReporter } from './reporter.ts';
import { benchBoot } from './rows.ts';

const [identitiesFile = '', journalFile = ''] = process.argv.slice(2);
const identities = JSON.parse(readFileSync(identitiesFile, 'utf8')) as Identity[];
const journal = openJournal(journalFile);
const report = createReporter();

interface Waiting {
  told: Told;
  link: () => BrokerLink;
  stored: PromiseWithResolvers<undefined>;
}
let waiting: Waiting[] = [];

function store(told: Told, link: () => BrokerLink): Promise<void> {
  const stored = Promise.withResolvers<undefined>();
  waiting.push({ told, link, stored });
  if (waiting.length === 1) setImmediate(() => void append());
  return stored.promise;
}

async function append(): Promise<void> {
  const all = waiting;
  waiting = [];
  const at = new Date(systemClock.nowMs()).toISOString();
  await journal.append(all.map(({ told }) => ({ kind: 'event', at, body: told })));
  const upTo = new Map<() => BrokerLink, Told>();
  for (const { told, link, stored } of all) {
    report(told.saleId);
    upTo.set(link, told);
    stored.resolve(undefined);
  }
  for (const [link, { ledgerId, seq }] of upTo) link().ack(ledgerId, seq);
}

function up(identity: Identity): Promise<void> {
  const connected = Promise.withResolvers<undefined>();
  const { kioskId, brokerUrl } = identity.enrolment;
  const [clock, log] = [systemClock, silentLog];
  const keys = trustedKeys(identity);
  const client = createRelayClient({ identity, keys, bootId: benchBoot, clock, log });
  const link = startBrokerLink({
    ...{ url: brokerUrl, kioskId, client, clock, log },
    random: () => 0.5,
    offline: { online: false, bootId: benchBoot, version: '0' },
    onTold: (told) => store(told, () => link),
    onChange: (isUp) => {
      if (!isUp) return;
      link.status({ online: true, bootId: benchBoot, version: '0' });
      connected.resolve(undefined);
    },
  });
  return connected.promise;
}

await Promise.all(identities.map(up));
readyChild({ up: true });
