// A program that draws on its terminal, for the test of a terminal that nobody reads: tells on standard error how the
// display ended, and for how long at most the program itself stood still meanwhile.
import { createDisplay } from '../../drivers/display/display.ts';
import { systemClock, wait } from '../../src/lib/clock.ts';

const say = (text: string): void => void process.stderr.write(`<${text}>`);

const display = createDisplay({ at: 'terminal', clock: systemClock });
let stoodStillMs = 0;
let lastMs = systemClock.monotonicMs();
const beat = setInterval(() => {
  stoodStillMs = Math.max(stoodStillMs, systemClock.monotonicMs() - lastMs);
  lastMs = systemClock.monotonicMs();
}, 20);

await display.open(new AbortController().signal);
say('open');
void display.closed.then((error) => {
  say(error?.kind ?? 'closed');
});
const { width, height } = display.geometry;
// Frames in which no pixel is like its neighbour: about 100 KiB each.
for (let round = 0; round < 20; round++) {
  const pixels = Uint16Array.from(
    { length: width * height },
    (_, i) => (i * 2731 + round * 977) & 0xffff,
  );
  try {
    await display.show({ width, height, pixels });
  } catch {
    break;
  }
}
await wait(systemClock, 200);
clearInterval(beat);
say(`stood still ${Math.round(stoodStillMs)}`);
say('end');
process.exit(0);
