// What the relay counts, in a registry of its own. Labels come from short fixed lists, never from ids.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

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
    http: new Histogram({
      name: 'kios_http_seconds',
      help: 'Requests answered, by route and HTTP status',
      labelNames: ['route', 'status'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    hops: new Histogram({
      name: 'kios_hop_seconds',
      help: 'notice-stored, notice-confirmed, verdict-sent, verdict-acked: docs/operator.md',
      labelNames: ['hop'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    depths: new Gauge({
      name: 'kios_depth',
      help: 'Rows that should soon be gone (notices, outbox, claims, openSales), and kiosksOnline',
      labelNames: ['what'],
      registers,
    }),
    claims: new Counter({
      name: 'kios_claims_opened_total',
      help: 'Claims opened, by kind',
      labelNames: ['kind'],
      registers,
    }),
    claimMoves: new Counter({
      name: 'kios_claims_moved_total',
      help: 'Moves of a claim to this state',
      labelNames: ['state'],
      registers,
    }),
    refunds: new Counter({
      name: 'kios_refunds_total',
      help: 'Refunds sent to Midtrans, by what came back',
      labelNames: ['outcome'],
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
    recoveries: new Counter({
      name: 'kios_recovered_sales_total',
      help: 'Sales that kiosks posted after a restore, by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    enrolments: new Counter({
      name: 'kios_enrolments_total',
      help: 'Enrolment calls, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    commands: new Counter({
      name: 'kios_commands_total',
      help: 'Commands told over MQTT, and answers of kiosks by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    ills: new Counter({
      name: 'kios_kiosk_ills_total',
      help: 'Faults that came up in the status messages of kiosks, by code',
      labelNames: ['code'],
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
  http: Histogram<'route' | 'status'>;
  hops: Histogram<'hop'>;
  depths: Gauge<'what'>;
  claims: Counter<'kind'>;
  claimMoves: Counter<'state'>;
  refunds: Counter<'outcome'>;
  published: Counter;
  acks: Counter<'outcome'>;
  recoveries: Counter<'outcome'>;
  enrolments: Counter<'outcome'>;
  commands: Counter<'outcome'>;
  ills: Counter<'code'>;
  faults: Counter<'place'>;
}
