// What one sale costs on the card: whole sales through the real loop into a real journal, and the bytes that they leave.
import assert from 'node:assert';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, type Journal } from '../../src/kiosk/journal.ts';
import { createKiosk, ignoreHalt, type Kiosk, type NewEvent } from '../../src/kiosk/kiosk.ts';
import { parts } from '../../src/kiosk/state.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { ledgerId, rules, tell } from '../kiosk/machine.ts';
import { type Report } from './figures.ts';

const sales = 200;
/** Fill the file's first pages, so that what is measured is growth. */
const warmUpSales = 20;
const pageBytes = 100_000;

export async function journalBytes(): Promise<Report> {
  const measured = await measure();
  const each = (all: number): string => Math.round(all / sales).toString();
  return {
    title: 'Journal bytes of a sale',
    how: `${sales} sales (typed, charged, paid, handed over, receipt, reported), counted; the file's growth after its WAL was folded in`,
    head: ['what', 'per sale'],
    rows: [
      ['events', `${each(measured.events)} entries`],
      ['states', `${each(measured.states)} entries`],
      ['bodies of events', `${each(measured.eventBytes)} B`],
      ['bodies of states', `${each(measured.stateBytes)} B`],
      ['growth of the file', `${each(measured.fileBytes)} B`],
    ],
  };
}

interface Measured {
  events: number;
  states: number;
  eventBytes: number;
  stateBytes: number;
  fileBytes: number;
}

async function measure(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'kios-bench-'));
  const path = join(folder, 'journal.sqlite');
  try {
    const first = await sell(path, 0, warmUpSales);
    const before = (await stat(path)).size;
    await sell(path, warmUpSales, sales);
    const fileBytes = (await stat(path)).size - before;
    const journal = openJournal(path);
    assert(journal.verify() === undefined, 'the journal does not fit its own chain');
    const counted = count(journal, first + 1);
    journal.close();
    return { ...counted, fileBytes };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function count(journal: Journal, from: number): Omit<Measured, 'fileBytes'> {
  const sum = { events: 0, states: 0, eventBytes: 0, stateBytes: 0 };
  for (const { kind, body } of journal.read(from, pageBytes)) {
    const bytes = Buffer.byteLength(JSON.stringify(body));
    if (kind === 'event') {
      sum.events += 1;
      sum.eventBytes += bytes;
    } else {
      sum.states += 1;
      sum.stateBytes += bytes;
    }
  }
  return sum;
}

/** One run of a kiosk over `count` sales. Answers the number of its last entry; closing folds the WAL in. */
async function sell(path: string, from: number, count: number): Promise<number> {
  const journal = openJournal(path);
  const kiosk = createKiosk({
    rules,
    journal,
    clock: systemClock,
    log: silentLog,
    cursor: startCursor,
    ledgerId,
    language: 'id',
    perform: () => undefined,
    draw: () => undefined,
    halted: (error) => {
      throw error;
    },
  });
  await kiosk.start(`boot-${from}`);
  for (const part of parts) later(kiosk, { kind: 'part', part, health: { ok: true } });
  for (let index = from; index < from + count; index++) await oneSale(kiosk, index);
  await kiosk.stop();
  const last = journal.read(1, pageBytes).at(-1)?.number ?? 0;
  journal.close();
  return last;
}

/** Not awaited: the loop gathers what asks for nothing, as it does for a customer. */
function later(kiosk: Kiosk, event: NewEvent): void {
  ignoreHalt(kiosk.post(event));
}

/** Rp 15.000, as the real lines tell it: the answer over HTTP, then every change over MQTT. */
async function oneSale(kiosk: Kiosk, index: number): Promise<void> {
  const saleId = `ksk01-01JD${index.toString().padStart(22, '0')}`;
  const seq = 3 * index;
  const at = (step: number): { saleId: string; seq: number; prev: number; askedAtMs: number } => ({
    saleId,
    seq: seq + step,
    prev: seq + step - 1,
    askedAtMs: systemClock.monotonicMs(),
  });
  for (const key of ['1', '5', '000'] as const) later(kiosk, { kind: 'key', key, freshId: saleId });
  await kiosk.post({ kind: 'key', key: 'enter', freshId: saleId });
  await kiosk.post(tell('pending', at(1)));
  await kiosk.post({ ...tell('pending', at(1)), via: 'mqtt' });
  await kiosk.post({ ...tell('paid', { ...at(2), settledAgoMs: 300 }), via: 'mqtt' });
  assert(kiosk.state().phase.at === 'dispensing', `at ${kiosk.state().phase.at}, not dispensing`);
  await kiosk.post({ kind: 'dispensed', saleId, result: 'done' });
  later(kiosk, { kind: 'printed', slip: 'receipt', saleId, result: 'printed' });
  await kiosk.post({ kind: 'reported', saleId });
  await kiosk.post({ ...tell('paid', { ...at(3), fulfilment: 'done' }), via: 'mqtt' });
  later(kiosk, { kind: 'key', key: 'cancel', freshId: saleId });
  assert(kiosk.state().phase.at === 'idle', `at ${kiosk.state().phase.at}, not idle`);
}
