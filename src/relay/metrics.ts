// What the relay counts, in a registry of its own. Labels come from short fixed lists, never from ids.
import { Counter, Histogram, Registry } from 'prom-client';

export type NoticeOutcome =
  | 'stored'
  | 'repeated'
  | 'crowded'
  | 'unknown-order'
  | 'amount-differs'
  | 'malformed'
  | 'forged'
  | 'store-down';

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    notices: new Counter({
      name: 'kios_notifications_total',
      help: 'Notifications received from Midtrans, by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    verdicts: new Counter({
      name: 'kios_verdicts_total',
      help: 'Moves of a sale to this verdict',
      labelNames: ['verdict'],
      registers,
    }),
    midtrans: new Histogram({
      name: 'kios_midtrans_seconds',
      help: 'Calls to Midtrans, by call and outcome',
      labelNames: ['call', 'outcome'],
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    claims: new Counter({
      name: 'kios_claims_opened_total',
      help: 'Claims opened, by kind',
      labelNames: ['kind'],
      registers,
    }),
    published: new Counter({
      name: 'kios_sales_published_total',
      help: 'Sale documents handed to the broker',
      registers,
    }),
    acks: new Counter({
      name: 'kios_acks_total',
      help: 'Acknowledgements of kiosks, by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    enrolments: new Counter({
      name: 'kios_enrolments_total',
      help: 'Enrolment calls, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    faults: new Counter({
      name: 'kios_faults_total',
      help: 'Faults that a person should look at, by place',
      labelNames: ['place'],
      registers,
    }),
  };
}

export interface Metrics {
  registry: Registry;
  notices: Counter<'outcome'>;
  verdicts: Counter<'verdict'>;
  midtrans: Histogram<'call' | 'outcome'>;
  claims: Counter<'kind'>;
  published: Counter;
  acks: Counter<'outcome'>;
  enrolments: Counter<'outcome'>;
  faults: Counter<'place'>;
}
