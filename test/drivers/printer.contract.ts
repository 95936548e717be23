// What every printer must do, simulated or real. `testPrinter` is called by the tests that know how to make one.
import { describe, expect, test } from 'vitest';
import type { Printer } from '../../drivers/device.ts';
import { budgetSlip, receipt } from './printer-slips.ts';

export interface PrinterBench {
  /** A new, unopened connection. */
  make: () => Printer;
  /** What its name says; where it is, if left out: a path. */
  at?: RegExp;
  /** Whether its profile has status answers and a proof: only then can a job be `printed`. */
  proves: boolean;
  dispose: () => Promise<void>;
}

const never = new AbortController().signal;

export function testPrinter(name: string, set: () => Promise<PrinterBench>): void {
  const withPrinter = async (
    use: (printer: Printer, bench: PrinterBench) => Promise<void>,
  ): Promise<void> => {
    const bench = await set();
    const printer = bench.make();
    try {
      await use(printer, bench);
    } finally {
      await printer.close();
      await bench.dispose();
    }
  };

  describe(`printer contract: ${name}`, () => {
    test('is opening, then up, then down, and says where it is', async () => {
      await withPrinter(async (printer, { at = /^printer .*\// }) => {
        expect(printer.health().state).toBe('opening');
        await printer.open(never);
        expect(printer.health().state).toBe('up');
        expect(printer.name).toMatch(at);
        await printer.close();
        expect(printer.health().state).toBe('down');
        expect(await printer.closed).toBeUndefined();
      });
    });

    test('prints a receipt, then a slip with a QR', async () => {
      await withPrinter(async (printer, { proves }) => {
        await printer.open(never);
        const result = proves ? 'printed' : 'unknown';
        expect(await printer.print(receipt, never)).toEqual({ result });
        expect(await printer.print(budgetSlip, never)).toEqual({ result });
      });
    });

    test('says how its paper is, if it can be asked', async () => {
      await withPrinter(async (printer, { proves }) => {
        await printer.open(never);
        expect(printer.paper !== undefined).toBe(proves);
        if (printer.paper !== undefined) expect(await printer.paper(never)).toBe('ok');
      });
    });

    test('before open, after close and when called off before the start, a job fails', async () => {
      await withPrinter(async (printer) => {
        expect(await printer.print(receipt, never)).toMatchObject({ result: 'failed' });
        await printer.open(never);
        expect(await printer.print(receipt, AbortSignal.abort())).toMatchObject({
          result: 'failed',
          error: { kind: 'canceled' },
        });
        await printer.close();
        expect(await printer.print(receipt, never)).toMatchObject({ result: 'failed' });
      });
    });

    test('a QR that fits on no paper fails and leaves the printer usable', async () => {
      await withPrinter(async (printer) => {
        await printer.open(never);
        const endless = { blocks: [{ kind: 'qr', text: 'x'.repeat(3000) }] } as const;
        expect(await printer.print(endless, never)).toMatchObject({
          result: 'failed',
          error: { kind: 'protocol' },
        });
        expect((await printer.print(receipt, never)).result).not.toBe('failed');
      });
    });

    test('closing twice and before opening does no harm', async () => {
      await withPrinter(async (printer) => {
        await printer.close();
        await printer.close();
        await expect(printer.open(never)).rejects.toMatchObject({ kind: 'canceled' });
      });
    });
  });
}
