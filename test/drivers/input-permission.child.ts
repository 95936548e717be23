// A program without permission: tells how keypads and scanners at the addresses of its arguments open.
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';

for (const at of process.argv.slice(2)) {
  for (const device of [
    createKeypad({ at, clock, onKey: () => undefined }),
    createScanner({ at, clock, onScan: () => undefined }),
  ]) {
    try {
      await device.open(new AbortController().signal);
    } catch (error) {
      const { message, kind = '' } = error as Error & { kind?: string };
      process.stdout.write(`${kind}: ${message}\n`);
    }
    await device.close();
  }
}
