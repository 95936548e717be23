// Printers that answer in other ways than the good ones: what is asked of each, what it proves, and what a printer that
// throws away its buffer saves from.
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Printer } from '../../drivers/device.ts';
import { owedBytes } from '../../drivers/printer/pieces.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles, profileOf } from '../../drivers/printer/profiles.ts';
import type { LearnedAnswers, PrinterProfile } from '../../drivers/printer/profiles.ts';
import { createPrinterSimulator, type PrinterSimulator } from '../../drivers/printer/simulator.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { budgetSlip, qrisText, readQr, receipt } from './printer-slips.ts';

const never = new AbortController().signal;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Bench {
  simulator: PrinterSimulator;
  sheets: Sheet[];
  open: () => Promise<Printer>;
}

async function bench(answers: LearnedAnswers, jobTimeoutMs = 400): Promise<Bench> {
  const sheets: Sheet[] = [];
  const profile: PrinterProfile = profileOf({ profile: 'generic-58', ...answers });
  const simulator = await createPrinterSimulator({
    listen: { port: 0 },
    profile,
    onPaper: (sheet) => sheets.push(sheet),
  });
  cleanups.push(() => simulator.close());
  const open = async (): Promise<Printer> => {
    const printer = createPrinter({ at: simulator.at, profile, clock: systemClock, jobTimeoutMs });
    cleanups.push(() => printer.close());
    await printer.open(never);
    return printer;
  };
  return { simulator, sheets, open };
}

describe('a printer that knows only', () => {
  test.each([
    ['GS a', { status: 'asb', proof: 'asb' }, ['asb']],
    ['GS r', { status: 'gs-r', proof: 'gs-r' }, ['gs-r']],
    ['DLE EOT and GS a', { status: 'dle-eot', proof: 'asb' }, ['dle-eot', 'asb']],
  ] as const)('%s proves its slip, and says how its paper is', async (_, answers, knows) => {
    const { simulator, sheets, open } = await bench(answers);
    simulator.set({ knows, paper: 'low' });
    const printer = await open();
    expect(await printer.paper?.(never)).toBe('low');
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'printed' });
    expect(sheets.map(readQr)).toEqual([qrisText]);
    expect(simulator.unknownCommands()).toBe(0);
  });

  test.each([
    ['GS a', { status: 'asb', proof: 'asb' }],
    ['GS r', { status: 'gs-r', proof: 'gs-r' }],
  ] as const)(
    '%s and has no paper does not answer, and gets nothing of a QR slip',
    async (_, answers) => {
      const { simulator, sheets, open } = await bench(answers, 3000);
      simulator.set({ paper: 'out' });
      const printer = await open();
      expect(await printer.print(budgetSlip, never)).toMatchObject({
        result: 'failed',
        error: { kind: 'timeout' },
      });
      expect(simulator.bytesReceived()).toBeLessThanOrEqual(6 + owedBytes.length + 6);
      simulator.set({ paper: 'ok' });
      expect(sheets).toHaveLength(0);
    },
  );

  test.each([
    ['GS a', { status: 'asb', proof: 'asb' }],
    ['GS r', { status: 'gs-r', proof: 'gs-r' }],
  ] as const)(
    '%s and loses its paper in the middle of a slip has proved nothing',
    async (_, answers) => {
      const { simulator, open } = await bench(answers);
      simulator.set({ paperBytes: 200 });
      const printer = await open();
      expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
      expect(await printer.closed).toMatchObject({ kind: 'timeout' });
    },
  );

  test('GS r for its proof is asked by DLE EOT after it: a cutter that jams at the cut has proved nothing', async () => {
    const { simulator, sheets, open } = await bench({ status: 'dle-eot', proof: 'gs-r' });
    const printer = await open();
    const printing = printer.print(budgetSlip, never);
    while (sheets.length === 0) await setImmediate();
    simulator.set({ cutterJammed: true });
    expect(await printing).toEqual({ result: 'unknown' });
  });

  test('DLE EOT is asked before a slip and proves none; its line stays open', async () => {
    const { simulator, sheets, open } = await bench({ status: 'dle-eot', proof: 'none' });
    simulator.set({ knows: ['dle-eot'] });
    const printer = await open();
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    await expect.poll(() => sheets.length).toBe(1);
    expect(printer.health()).toEqual({ state: 'up' });
    simulator.set({ paper: 'out' });
    expect(await printer.print(receipt, never)).toMatchObject({ error: { reason: 'paper-out' } });
  });
});

test('an answer that takes its time, within its limit, is an answer', async () => {
  const { simulator, open } = await bench({}, 5000);
  simulator.set({ lateMs: 100 });
  const printer = await open();
  expect(await printer.print(budgetSlip, never)).toEqual({ result: 'printed' });
});

describe('a slip whose paper ended in the middle of it', () => {
  const brokenSlip = async (clearsBuffer: boolean): Promise<Sheet[]> => {
    const { simulator, sheets, open } = await bench({ clearsBuffer });
    const printer = await open();
    simulator.set({ paperBytes: 150 });
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    await printer.close();
    const again = await open(); // As `supervise` does.
    simulator.set({ paper: 'ok' });
    await again.print(receipt, never);
    return sheets;
  };

  test('comes out late from a printer that cannot throw it away', async () => {
    expect((await brokenSlip(false)).map(readQr)).toContain(qrisText);
  });

  test('does not come out of one that can: the next connection empties it first', async () => {
    const sheets = await brokenSlip(true);
    expect(sheets).toHaveLength(1);
    expect(sheets.map(readQr)).toEqual([undefined]);
    expect(sheets[0]?.text).toContain('TOTAL                  Rp 42.000');
  });

  test('one that does not confirm it opens all the same: it may never have heard of it', async () => {
    const { simulator, open } = await bench({ clearsBuffer: true });
    simulator.set({ knows: ['dle-eot', 'gs-r'] });
    expect((await open()).health().state).toBe('up');
  });
});

test('a profile says what a model can do, and what was learnt of one printer stands over it', () => {
  expect(profileOf({ profile: 'generic-58' })).toEqual(printerProfiles['generic-58']);
  const blind = profileOf({ profile: 'generic-58', status: 'none' });
  expect(blind).toMatchObject({ status: 'none', proof: 'none', nativeQr: true });
  expect(profileOf({ profile: 'basic-80', status: 'asb', proof: 'asb' })).toMatchObject({
    ...{ name: 'basic-80', status: 'asb', proof: 'asb', cutter: false },
  });
});
