// A technician's bench inside of a guest: opens devices as the kiosk does (drivers and `supervise`), and does with them what
// it is told on standard input, a line of JSON each; all that happens is a line on standard output. It decides nothing.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Device, Dispenser, Printer } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { createPrinter } from '../../drivers/printer/printer.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import { supervise, type Supervised } from '../../drivers/supervise.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { budgetSlip } from '../drivers/printer-slips.ts';
import type { BenchOrder, BenchWord } from './bench-words.ts';

const never = new AbortController().signal;
const memoryFolder = process.argv[2] ?? '/run';
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const watched = new Map<string, Supervised<Device>>();
const printers = new Map<string, Supervised<Printer>>();
const dispensers = new Map<string, Supervised<Dispenser>>();

function tell(word: BenchWord): void {
  process.stdout.write(`${JSON.stringify(word)}\n`);
}

function watch<D extends Device>(at: string, make: () => D): Supervised<D> {
  const found = supervise({
    make,
    clock,
    log: silentLog,
    random: () => 0,
    onChange: (_device, { state, fault, detail }) => {
      tell({ at, state, fault, detail });
    },
  });
  watched.set(at, found);
  return found;
}

function open({ open: kind, at }: Extract<BenchOrder, { open: string }>): void {
  switch (kind) {
    case 'keypad':
      watch(at, () =>
        createKeypad({
          at,
          clock,
          onKey: (key) => {
            tell({ at, key });
          },
        }),
      );
      return;
    case 'scanner':
      watch(at, () =>
        createScanner({
          at,
          clock,
          onScan: ({ text }) => {
            tell({ at, scan: text });
          },
        }),
      );
      return;
    case 'printer': {
      const profile = printerProfiles['generic-58'];
      printers.set(
        at,
        watch(at, () => createPrinter({ at, profile, clock })),
      );
      return;
    }
    case 'dispenser': {
      const memory = { folder: memoryFolder, bootId };
      dispensers.set(
        at,
        watch(at, () => createDispenser({ at, clock, memory })),
      );
    }
  }
}

async function close(at: string): Promise<void> {
  await watched.get(at)?.stop();
  tell({ at, state: 'closed' });
}

async function print(at: string): Promise<void> {
  const outcome = await printers.get(at)?.current()?.print(budgetSlip, never);
  tell({ at, printed: outcome?.result ?? 'no printer' });
}

async function dispense(at: string, id: string, pieces: number): Promise<void> {
  const result = await dispensers.get(at)?.current()?.dispense({ id, pieces }, never);
  tell({ at, id, dispensed: result ?? 'no dispenser' });
}

async function askLast(at: string, id: string): Promise<void> {
  const result = await dispensers.get(at)?.current()?.lastResult?.(id, never);
  tell({ at, id, last: result ?? 'no dispenser' });
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line) as BenchOrder;
  if ('open' in order) open(order);
  else if ('close' in order) void close(order.at);
  else if ('print' in order) void print(order.at);
  else if ('dispense' in order) void dispense(order.at, order.dispense, order.pieces);
  else void askLast(order.at, order.last);
});
tell({ at: 'bench', state: 'up' });
