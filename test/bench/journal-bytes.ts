// What one sale costs on the card: whole sales through the real loop into a real journal, and the bytes that they leave.
import assert from 'node:assert';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, type Journal } from '../../src/kiosk/journal.ts';
import { record, sell as sellOne } from '../kiosk/recorded-day.ts';
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
  const recording = await record(path, `boot-${from}`);
  for (let index = from; index < from + count; index++) await sellOne(recording, index);
  await recording.kiosk.stop();
  const { number } = recording.journal.head();
  recording.journal.close();
  return number;
}
