// The terminal: half blocks, changed lines alone, a QR that can be scanned from it, and the terminal given back.
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { decodeQR } from 'qr/decode.js';
import { createDisplay } from '../../drivers/display/display.ts';
import { halfBlockLines, terminalGeometry } from '../../drivers/display/half-blocks.ts';
import type { TerminalLine } from '../../drivers/display/terminal.ts';
import type { Display } from '../../drivers/device.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { scenes } from './display-scenes.ts';

/** Escape, kept out of the patterns below. */
const esc = '\u001b';
const never = new AbortController().signal;

class FakeTerminal extends EventEmitter {
  readonly isTTY: boolean;
  columns: number;
  rows: number;
  text = '';

  constructor(columns: number, rows: number, isTTY = true) {
    super();
    this.columns = columns;
    this.rows = rows;
    this.isTTY = isTTY;
  }
}

function displayOn(output: FakeTerminal): Display {
  const openLine = (): TerminalLine => {
    const closed = Promise.withResolvers<undefined>();
    return {
      closed: closed.promise,
      write: async (bytes) => {
        output.text += Buffer.from(bytes).toString();
        return Promise.resolve();
      },
      close: async () => {
        closed.resolve(undefined);
        return Promise.resolve();
      },
    };
  };
  return createDisplay({ at: 'terminal', clock: systemClock, terminal: { output, openLine } });
}

test('two pixels make one character, colours are told when they change', () => {
  const pixels = Uint16Array.of(0xf800, 0xf800, 0xffff, 0x0000);
  const lines = halfBlockLines({ width: 2, height: 2, pixels });
  expect(lines).toEqual([
    '\u001b[38;2;255;0;0m\u001b[48;2;255;255;255m▀\u001b[38;2;255;0;0m\u001b[48;2;0;0;0m▀',
  ]);
});

test('the alternate screen is entered at open and left at close', async () => {
  const terminal = new FakeTerminal(160, 50);
  const display = displayOn(terminal);
  await display.open(never);
  expect(display.geometry).toEqual({ width: 160, height: 100 });
  expect(terminal.text).toContain('\u001b[?1049h');
  await display.close();
  await display.close();
  expect(terminal.text.endsWith('\u001b[0m\u001b[?25h\u001b[?1049l')).toBe(true);
  expect(await display.closed).toBeUndefined();
  expect(terminal.listenerCount('resize')).toBe(0);
});

test('only changed lines are drawn again', async () => {
  const terminal = new FakeTerminal(124, 36);
  const display = displayOn(terminal);
  await display.open(never);
  const frame = { width: 124, height: 72, pixels: new Uint16Array(124 * 72) };
  await display.show(frame);
  terminal.text = '';
  const next = { ...frame, pixels: frame.pixels.slice() };
  next.pixels[124 * 9] = 0xffff;
  await display.show(next);
  expect(terminal.text.match(new RegExp(`${esc}\\[\\d+;1H`, 'g'))).toEqual(['\u001b[5;1H']);
  await display.close();
});

test('a QR can be scanned from the drawn characters', () => {
  const size = { columns: 124, rows: 36 };
  const scene = scenes['scan-to-pay-test'];
  const frame = createRenderer({ geometry: terminalGeometry(size) }).render(scene);
  expect(decodeQR(picture(halfBlockLines(frame)))).toBe(scene.qr.text);
});

test('a terminal that is too small for a QR says so, is drawn none, and shows the rest', async () => {
  const terminal = new FakeTerminal(80, 24);
  const display = displayOn(terminal);
  await display.open(never);
  expect(display.health()).toEqual({
    state: 'up',
    detail: 'the terminal is 80×24; a QR needs 124×36',
  });
  const renderer = createRenderer({ geometry: display.geometry });
  expect(() => renderer.render(scenes['scan-to-pay'])).toThrow(/does not fit/);
  await display.show(renderer.render(scenes.paid));
  expect(terminal.text).toContain('▀');
  await display.close();
});

test('another size closes it, so that it is opened anew', async () => {
  const terminal = new FakeTerminal(160, 50);
  const display = displayOn(terminal);
  await display.open(never);
  terminal.emit('resize');
  expect(await display.closed).toMatchObject({ kind: 'disconnected' });
});

test('a file is no terminal', async () => {
  const output = new FakeTerminal(160, 50, false);
  const display = displayOn(output);
  await expect(display.open(never)).rejects.toMatchObject({ kind: 'not-found' });
});

test('a terminal that nobody reads ends the display and holds nothing else up', async () => {
  const child = new URL('display-terminal.child.ts', import.meta.url).pathname;
  const program = `stty cols 124 rows 36; exec ${process.execPath} ${child}`;
  const socat = spawn('socat', ['-', `SYSTEM:"${program}",pty,setsid,ctty,raw,echo=0`], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = once(socat, 'exit');
  onTestFinished(async () => {
    socat.kill('SIGKILL');
    await exited;
  });
  // Its standard output, the terminal, is not read here.
  let said = '';
  socat.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await expect.poll(() => said, { timeout: 15_000 }).toContain('<end>');
  expect(said).toContain('<timeout>');
  expect(Number(/<stood still (\d+)>/.exec(said)?.[1])).toBeLessThan(1000);
});

/** What a camera sees of the characters: each one two square pixels, magnified. */
function picture(lines: readonly string[]): { width: number; height: number; data: Uint8Array } {
  const scale = 4;
  const token = new RegExp(`${esc}\\[(38|48);2;(\\d+);(\\d+);(\\d+)m|▀`, 'g');
  const cells = lines.map((line) => {
    let upper = [0, 0, 0];
    let lower = [0, 0, 0];
    return [...line.matchAll(token)].flatMap((match) => {
      if (match[1] === undefined) return [[upper, lower]];
      const colour = match.slice(2, 5).map(Number);
      if (match[1] === '38') upper = colour;
      else lower = colour;
      return [];
    });
  });
  const columns = cells[0]?.length ?? 0;
  const [width, height] = [columns * scale, lines.length * 2 * scale];
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const half = Math.floor(y / scale);
      const colour = cells[half >> 1]?.[Math.floor(x / scale)]?.[half & 1] ?? [0, 0, 0];
      data.set(colour, 4 * (y * width + x));
    }
  }
  return { width, height, data };
}
