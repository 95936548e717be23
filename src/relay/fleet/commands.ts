// Takes commands to the kiosks: signed at the moment of sending, told over MQTT while a kiosk is there, again and again
// until it has answered or their time is over. A kiosk that hears nothing there fetches them (routes/commands.ts).
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { signProof } from '../../protocol/proof.ts';
import { type CommandClaims } from '../../protocol/command.ts';
import { type Broker } from '../broker/broker.ts';
import { type Metrics } from '../metrics.ts';
import { type Signer } from '../proofs.ts';
import { type CommandRow } from '../store/schema.ts';
import { type Store } from '../store/store.ts';

export interface CommandParts {
  store: Pick<Store, 'takeCommands' | 'pruneCommands'>;
  broker: Pick<Broker, 'publish' | 'ready'>;
  signer: Signer;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

const tickMs = 1_000;
const maxATick = 100;
/** A kiosk that is there and has not answered is told again so often. */
const againMs = 60_000;
const pruneEveryMs = 3_600_000;

/** The compact JWS of a command. */
export function signCommand(signer: Signer, row: CommandRow): Promise<string> {
  const { commandId, kioskId, name, argument, whenIdle, givenAtMs, deadlineAtMs } = row;
  const claims: CommandClaims = {
    env: signer.environment,
    ...{ kioskId, commandId, name },
    ...(argument === null ? {} : { argument: JSON.parse(argument) as unknown }),
    deadline: new Date(deadlineAtMs).toISOString(),
    whenIdle: whenIdle === 1,
    iat: Math.floor(givenAtMs / 1000),
  };
  return signProof('kios-command', claims, signer.key);
}

/** Tells until it is stopped. Answers what stops it. */
export function startCommands(parts: CommandParts): () => void {
  const { store, broker, signer, clock, log, metrics } = parts;
  let stopped = false;
  let cancel: (() => void) | undefined;
  let pruneAtMs = -Infinity;

  async function tell(row: CommandRow): Promise<void> {
    const token = await signCommand(signer, row);
    await broker.publish(row.kioskId, 'command', JSON.stringify({ token }));
    metrics.commands.inc({ outcome: 'told' });
  }

  async function tick(): Promise<void> {
    try {
      if (broker.ready()) {
        const rows = await store.takeCommands(maxATick, againMs);
        const told = await Promise.allSettled(rows.map(tell));
        for (const outcome of told) if (outcome.status === 'rejected') throw outcome.reason;
      }
      if (clock.monotonicMs() >= pruneAtMs) {
        pruneAtMs = clock.monotonicMs() + pruneEveryMs;
        const pruned = await store.pruneCommands();
        if (pruned > 0) log.info({ pruned }, 'commands.pruned');
      }
    } catch (error) {
      metrics.faults.inc({ place: 'commands' });
      log.error({ error: String(error) }, 'commands.failed');
    }
    schedule();
  }

  function schedule(): void {
    if (!stopped) cancel = clock.after(tickMs, () => void tick());
  }

  schedule();
  return () => {
    stopped = true;
    cancel?.();
  };
}
