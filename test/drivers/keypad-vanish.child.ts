// A program whose terminal vanishes under its keypad: tells on standard error what became of it, and that it lives on.
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { systemClock } from '../../src/lib/clock.ts';

const say = (text: string): void => void process.stderr.write(`<${text}>`);
const never = new AbortController().signal;

process.on('SIGHUP', () => undefined); // As under a supervisor that keeps it running.
for (let round = 1; round <= 3; round++) {
  const keypad = createKeypad({ at: 'terminal', onKey: () => undefined, clock: systemClock });
  try {
    await keypad.open(never);
    say('open');
    say((await keypad.closed)?.kind ?? 'closed');
  } catch (error) {
    say(error instanceof Error && 'kind' in error ? String(error.kind) : 'no device error');
  }
  await keypad.close();
}
process.stdout.write('a line to the terminal that is gone');
setTimeout(() => {
  say('alive');
}, 100);
