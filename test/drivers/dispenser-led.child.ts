// A kiosk that will be killed in mid-train: dispenses one order at an LED that its parent answers for, as a kernel would:
// each call is a line on standard output, and waits for its answer on standard input.
import { readSync, writeSync } from 'node:fs';
import { LedLine } from '../../drivers/dispenser/led-line.ts';
import { OrderMemory } from '../../drivers/dispenser/order-memory.ts';
import { PulseDispenser } from '../../drivers/dispenser/pulse-dispenser.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';

function call(...words: string[]): string {
  writeSync(1, `${JSON.stringify(words)}\n`);
  const byte = Buffer.alloc(1);
  let answer = '';
  while (!answer.endsWith('\n')) {
    if (readSync(0, byte, 0, 1, null) === 0) process.exit(1);
    answer += byte.toString();
  }
  return String(JSON.parse(answer));
}

const [folder = '', id = '', pieces = '1'] = process.argv.slice(2);
const never = new AbortController().signal;
const dispenser = new PulseDispenser({
  line: new LedLine({
    folder: `${folder}/led`,
    clock,
    files: { read: (name) => call(name), write: (name, text) => void call(name, text) },
  }),
  shape: { pulseMs: 20, gapMs: 20, pulsesPerItem: 1 },
  memory: new OrderMemory({ folder, bootId: 'boot-1' }),
});
await dispenser.open(never);
await dispenser.dispense({ id, pieces: Number(pieces) }, never);
