// A program at a terminal, for the test of the terminal keypad: prints what it hears, and how it leaves the terminal.
import { spawnSync } from 'node:child_process';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { systemClock } from '../../src/lib/clock.ts';

const say = (text: string): void => void process.stdout.write(`<${text}>`);

/** The terminal's own word for how it is set. */
function settings(): string {
  const stty = spawnSync('stty', ['-a'], { stdio: ['inherit', 'pipe', 'inherit'] });
  return / (-?icanon) /.exec(String(stty.stdout))?.[1] ?? 'unknown';
}

const keypad = createKeypad({ at: 'terminal', onKey: say, clock: systemClock });
process.on('SIGINT', () => {
  say('SIGINT');
  void keypad.close().then(() => {
    say(`closed ${settings()} raw=${process.stdin.isRaw}`);
  });
});
try {
  await keypad.open(new AbortController().signal);
  say(`open ${settings()}`);
  const error = await keypad.closed;
  if (error !== undefined) say(error.kind);
} catch (error) {
  say(error instanceof Error ? error.message : 'no error');
}
