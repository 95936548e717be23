// For tests of the journal: sales through the real loop into a real journal, as a customer and the relay would make them.
import assert from 'node:assert';
import { openJournal, type JournalFile } from '../../src/kiosk/journal.ts';
import { writeRules } from '../../src/kiosk/journal-rules.ts';
import { createKiosk, ignoreHalt, type Kiosk, type NewEvent } from '../../src/kiosk/kiosk.ts';
import type { Rules } from '../../src/kiosk/rules.ts';
import { parts, patience } from '../../src/kiosk/state.ts';
import { silentLog } from '../../src/lib/log.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { ledgerId, rules as usual, tell } from './machine.ts';

export interface Recording {
  kiosk: Kiosk;
  journal: JournalFile;
  clock: VirtualClock;
  /** Stops the kiosk and closes the journal, which folds its log in. */
  end: () => Promise<void>;
}

/** One run of a kiosk that is ready to sell. */
export async function record(path: string, bootId = 'boot-1', rules = usual): Promise<Recording> {
  const journal = openJournal(path);
  const clock = new VirtualClock();
  await noteRules(journal, clock, rules);
  const kiosk = createKiosk({
    ...{ rules, journal, clock, log: silentLog, cursor: startCursor, ledgerId, language: 'id' },
    perform: () => undefined,
    draw: () => undefined,
    halted: (error) => {
      throw error;
    },
  });
  await kiosk.start(bootId);
  for (const part of parts) later(kiosk, { kind: 'part', part, health: { ok: true } });
  await kiosk.post({ kind: 'caught-up', told: [], ledgerId, more: false });
  const end = async (): Promise<void> => {
    await kiosk.stop();
    journal.close();
  };
  return { kiosk, journal, clock, end };
}

async function noteRules(journal: JournalFile, clock: VirtualClock, rules: Rules): Promise<void> {
  const at = new Date(clock.nowMs()).toISOString();
  await journal.append([{ kind: 'rules', at, body: writeRules(rules, 'test') }]);
}

/** Not awaited: the loop gathers what asks for nothing, as it does for a customer. */
export function later(kiosk: Kiosk, event: NewEvent): void {
  ignoreHalt(kiosk.post(event));
}

/** Rp 15.000, as the real lines tell it: the answer over HTTP, then every change over MQTT. */
export async function sell(
  { kiosk, clock }: Recording,
  index: number,
  result: 'done' | 'failed' = 'done',
): Promise<string> {
  const saleId = `ksk01-01JD${index.toString().padStart(22, '0')}`;
  const at = (step: number): { saleId: string; seq: number; prev: number; askedAtMs: number } => ({
    saleId,
    seq: 3 * index + step,
    prev: 3 * index + step - 1,
    askedAtMs: clock.monotonicMs(),
  });
  // As long as a real one.
  const proof = 'p'.repeat(600);
  for (const key of ['1', '5', '000'] as const) later(kiosk, { kind: 'key', key, freshId: saleId });
  await kiosk.post({ kind: 'key', key: 'enter', freshId: saleId });
  await kiosk.post(tell('pending', { ...at(1), proof }));
  await kiosk.post({ ...tell('pending', { ...at(1), proof }), via: 'mqtt' });
  await kiosk.post({ ...tell('paid', { ...at(2), settledAgoMs: 300, proof }), via: 'mqtt' });
  assert(kiosk.state().phase.at === 'dispensing', `at ${kiosk.state().phase.at}, not dispensing`);
  await kiosk.post({ kind: 'dispensed', saleId, result });
  later(kiosk, { kind: 'printed', slip: 'receipt', saleId, result: 'printed' });
  await kiosk.post({ kind: 'reported', saleId });
  await kiosk.post({ ...tell('paid', { ...at(3), fulfilment: result, proof }), via: 'mqtt' });
  const closing = kiosk.post({ kind: 'key', key: 'cancel', freshId: saleId });
  // A claim's code stays on the screen until its time is over.
  await clock.advance(result === 'done' ? 1000 : patience.claimMs);
  await closing;
  assert(kiosk.state().phase.at === 'idle', `at ${kiosk.state().phase.at}, not idle`);
  return saleId;
}
