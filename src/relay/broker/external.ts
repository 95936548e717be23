// A broker that is a program of its own, over MQTT. STUB: to be built.
import { type Log } from '../../lib/log.ts';
import { type ExternalBrokerConfig } from '../config.ts';
import { type Broker } from './broker.ts';

export interface ExternalBrokerParts {
  settings: ExternalBrokerConfig;
  log: Log;
}

export function createExternalBroker(_parts: ExternalBrokerParts): Promise<Broker> {
  return Promise.reject(new Error('brokers outside are not built yet'));
}
