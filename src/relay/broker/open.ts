// Which broker the configuration names: the one inside this process, or one outside.
import assert from 'node:assert';
import { randomUUID } from 'node:crypto';
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { KiosError } from '../../protocol/errors.ts';
import { type Auth } from '../auth.ts';
import { type RelayConfig } from '../config.ts';
import { type Store } from '../store/store.ts';
import { type Broker } from './broker.ts';
import { createEmbeddedBroker, type EmbeddedSettings } from './embedded.ts';
import { createExternalBroker } from './external.ts';

export interface BrokerParts {
  store: Store;
  auth: Auth;
  clock: Clock;
  random: () => number;
  log: Log;
}

/** @throws SettingFault when a file that the configuration names cannot serve */
export async function createBroker(
  config: RelayConfig,
  { store, auth, clock, random, log }: BrokerParts,
): Promise<Broker> {
  if (config.broker !== undefined) {
    return createExternalBroker({
      ...{ settings: config.broker, clock, random, log, newId: randomUUID },
      ledgerId: store.ledgerId,
      forgot: () => store.brokerForgot(),
    });
  }
  assert(config.mqtt !== undefined, 'the configuration names a broker');
  return createEmbeddedBroker({ ...config.mqtt, clock, log, admits: admit(auth) });
}

/** What kiosks are told. @param port of the broker inside */
export function brokerUrl({ broker, mqtt }: RelayConfig, port: number): string {
  const scheme = mqtt?.tls === undefined ? 'mqtt' : 'mqtts';
  return broker?.publicUrl ?? mqtt?.publicUrl ?? `${scheme}://${mqtt?.host ?? ''}:${port}`;
}

function admit(auth: Auth): EmbeddedSettings['admits'] {
  return async (kioskId, token) => {
    try {
      const kiosk = await auth.kioskOf(token, 'kios-broker');
      return kiosk.kioskId === kioskId ? kiosk : undefined;
    } catch (error) {
      if (error instanceof KiosError) return undefined;
      throw error;
    }
  };
}
