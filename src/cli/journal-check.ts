// `kios journal verify | export | replay`: whether the journal is what was written, a copy that proves it elsewhere, and
// whether the machine does the same again.
import { createReadStream, openSync, closeSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { DatabaseSync } from 'node:sqlite';
import type { Command } from 'commander';
import { faultWords, type Anchor, type JournalFault } from '../kiosk/journal-chain.ts';
import { checkExport, exportLines } from '../kiosk/journal-export.ts';
import { replay, type Replayed } from '../kiosk/journal-replay.ts';
import { replayPart, withJournalView } from '../kiosk/journal-view.ts';
import { chainFault, countJournal } from '../kiosk/journal-verify.ts';
import { dayNamed, localTime, type TimeZone } from '../kiosk/zone.ts';
import { faultExit, placeOf, writeOut, type JournalFlags } from './journal-place.ts';
import { parseDay } from './journal-show.ts';
import { version } from './version.ts';

export function addCheckCommands(journal: Command): void {
  const place = (): { path: string; zone: TimeZone } => placeOf(journal.opts<JournalFlags>());
  journal
    .command('verify')
    .description(
      'Checks every entry and every sale. Ends with 0, or with 3 and the first bad entry.',
    )
    .option('--export <file>', 'checks a copy that `kios journal export` made, without the journal')
    .action(async ({ export: file }: { export?: string }) => {
      await (file === undefined ? verify(place().path) : verifyExport(file));
    });
  journal
    .command('export')
    .description('Writes the whole journal as JSON lines that can be checked by themselves.')
    .option('--out <file>', 'instead of standard output; must not be there yet')
    .action(async ({ out }: { out?: string }) => {
      await exportTo(place().path, out);
    });
  journal
    .command('replay')
    .description('Drives the machine through the record once more and compares its screens.')
    .option(
      '--day <day>',
      'of one day, such as 2026-11-21; everything where it is left out',
      parseDay,
    )
    .option('--screens', 'lists every screen')
    .action(async ({ day, screens }: { day?: string; screens?: true }) => {
      const { path, zone } = place();
      const span = day === undefined ? undefined : dayNamed(day, zone);
      await replayPath(path, span, screens === true ? zone : undefined);
    });
}

async function verify(path: string): Promise<void> {
  await withJournalView(path, async (db) => {
    const fault = chainFault(db);
    if (fault !== undefined) {
      await tellFault(path, fault);
      return;
    }
    const { first, head, sales } = countJournal(db);
    await writeOut(`${path} is whole: ${wholeWords(first, head)}, ${sales} sales\n`);
  });
}

async function verifyExport(file: string): Promise<void> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  const { fault, entries, sales, hidden, head } = await checkExport(lines);
  if (fault !== undefined) {
    await tellFault(file, fault);
    return;
  }
  const first = head.number - entries + 1;
  const words = `${wholeWords(first, head)} (in ${hidden} something is left out), ${sales} sales`;
  await writeOut(`${file} is whole: ${words}\n`);
}

function wholeWords(first: number, { number, hash }: Anchor): string {
  return number < first ? 'no entries' : `entries ${first} to ${number}, head ${hash}`;
}

async function tellFault(path: string, fault: JournalFault): Promise<void> {
  process.exitCode = faultExit;
  await writeOut(`${path} is NOT what was written: ${faultWords(fault)}\n`);
}

async function exportTo(path: string, out: string | undefined): Promise<void> {
  await withJournalView(path, async (db) => {
    const fault = out === undefined ? await toStandardOutput(db) : toFile(db, out);
    if (fault === undefined) return;
    process.exitCode = faultExit;
    process.stderr.write(`${path} is NOT what was written: ${faultWords(fault)}\n`);
  });
}

async function toStandardOutput(db: DatabaseSync): Promise<JournalFault | undefined> {
  const lines = exportLines(db);
  for (;;) {
    const { done, value } = lines.next();
    if (done === true) return value;
    await writeOut(`${value}\n`);
  }
}

function toFile(db: DatabaseSync, out: string): JournalFault | undefined {
  const file = openSync(out, 'wx', 0o600);
  try {
    const lines = exportLines(db);
    for (;;) {
      const { done, value } = lines.next();
      if (done === true) return value;
      writeSync(file, `${value}\n`);
    }
  } finally {
    closeSync(file);
  }
}

/** @param zone lists the screens with its times */
async function replayPath(
  path: string,
  span: { from: string; until: string } | undefined,
  zone: TimeZone | undefined,
): Promise<void> {
  await withJournalView(path, async (db) => {
    const { rows, before, rules } = replayPart(db, span);
    const lines: string[] = [];
    const found = replay(rows, before, rules, ({ entry, at, phase, heading }) => {
      if (zone === undefined) return;
      const when = localTime(Date.parse(at), zone, 'seconds');
      lines.push(`${String(entry).padStart(8)}  ${when}  ${phase.padEnd(11)} ${heading}\n`);
    });
    for (const line of lines) await writeOut(line);
    await writeOut(replayWords(found));
    if (found.fault !== undefined) process.exitCode = faultExit;
  });
}

function replayWords({ events, states, screens, versions, fault }: Replayed): string {
  const other = versions.filter((one) => one !== version);
  const by = other.length === 0 ? '' : ` (recorded by kios ${other.join(', ')})`;
  const through = `${events} events, ${states} states, ${screens} screens${by}`;
  if (fault === undefined) return `the same again: ${through}\n`;
  return `NOT the same: ${faultWords(fault)}; until there ${through}\n`;
}
