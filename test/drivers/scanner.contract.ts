// What every scanner must do, whatever it is made of: run on simulators always and on a real one where it is named.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Scan, Scanner, ScanSink } from '../../drivers/device.ts';

/** A scanner to test, and the hand that holds codes before it where there is one. */
export interface ScannerUnderTest {
  make(onScan: ScanSink): Scanner;
  hand?: {
    scan(scan: Scan): unknown;
    whenOpened(): Promise<void>;
    unplug(): Promise<void>;
    plug(): Promise<void>;
  };
  end?(): Promise<void>;
}

const codes: readonly Scan[] = [
  { text: '8992761136116', aim: 'E0' },
  { text: '96385074' },
  { text: 'kios/Voucher-0001 ~!@#' },
  { text: '1122334455' },
  { text: 'end' },
];

export function testScanner(name: string, start: () => Promise<ScannerUnderTest>): void {
  describe(`${name} keeps the contract of a scanner`, () => {
    let subject: ScannerUnderTest;
    let scans: Scan[];
    let scanner: Scanner;
    let last: PromiseWithResolvers<undefined>;
    const never = new AbortController().signal;

    beforeEach(async () => {
      subject = await start();
      scans = [];
      last = Promise.withResolvers();
      scanner = make();
    });
    afterEach(async () => {
      await scanner.close();
      await subject.end?.();
    });

    function make(): Scanner {
      return subject.make((scan) => {
        scans.push(scan);
        if (scan.text === 'end') last.resolve(undefined);
      });
    }

    test('it is opening before, up while open, and down after', async () => {
      expect(scanner.health().state).toBe('opening');
      await scanner.open(never);
      expect(scanner.health()).toEqual({ state: 'up' });
      await scanner.close();
      await scanner.close();
      expect(scanner.health()).toMatchObject({ state: 'down', fault: 'canceled' });
      expect(await scanner.closed).toBeUndefined();
    });

    test('an opening that is called off is canceled and leaves nothing open', async () => {
      await expect(scanner.open(AbortSignal.abort())).rejects.toMatchObject({ kind: 'canceled' });
      await scanner.close();
      scanner = make();
      await scanner.open(never);
      expect(scanner.health().state).toBe('up');
    });

    test('it opens again at once after close, by a new object', async () => {
      await scanner.open(never);
      await scanner.close();
      scanner = make();
      await scanner.open(never);
      expect(scanner.health().state).toBe('up');
    });

    test('every code arrives once, in order, with its AIM identifier apart', async (context) => {
      const hand = subject.hand ?? context.skip('nobody holds codes before this scanner');
      await scanner.open(never);
      await hand.whenOpened();
      for (const code of codes) hand.scan(code);
      await last.promise;
      expect(scans).toEqual(codes);
      expect(scanner.health()).toEqual({ state: 'up' });
    });

    test('unplugged, it says disconnected; plugged in, a new object reads', async (context) => {
      const hand = subject.hand ?? context.skip('nobody unplugs this scanner');
      await scanner.open(never);
      await hand.whenOpened();
      await hand.unplug();
      expect(await scanner.closed).toMatchObject({ kind: 'disconnected' });
      expect(scanner.health()).toMatchObject({ state: 'down', fault: 'disconnected' });
      await scanner.close();

      scanner = make();
      await expect(scanner.open(never)).rejects.toMatchObject({ kind: 'not-found' });
      await scanner.close();

      await hand.plug();
      scanner = make();
      await scanner.open(never);
      await hand.whenOpened();
      hand.scan({ text: 'end' });
      await last.promise;
      expect(scans).toEqual([{ text: 'end' }]);
    });
  });
}
