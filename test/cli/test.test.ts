// `kios test …` as a process: the person's hand is the simulator, the person's voice its input.
import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { decodeQR } from 'qr/decode.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import { createDisplaySimulator } from '../../drivers/display/simulator.ts';
import { createRelaySimulator, VirtualRelay } from '../../drivers/dispenser/relay-simulator.ts';
import { createVendBoardSimulator } from '../../drivers/dispenser/simulator.ts';
import { createKeypadSimulator } from '../../drivers/keypad/simulator.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createPrinterSimulator } from '../../drivers/printer/simulator.ts';
import { createScannerSimulator } from '../../drivers/scanner/simulator.ts';
import { testScreen } from '../../src/cli/device-tests.ts';
import { exitStatusOf, type Finding } from '../../src/cli/finding.ts';
import { kioskConfig, kioskExamples } from '../../src/kiosk/config.ts';
import { lockFolder } from '../../src/kiosk/lock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { readConfigFile } from '../../src/lib/config-file.ts';
import { kiosk, run, type Kiosk, type Ran } from './doctor-world.ts';

const asked = ({ config }: Kiosk, what: string): string[] => {
  return ['test', what, '--config', config, '--language', 'en'];
};

/** Runs it, and acts once when it asks. */
async function when(machine: Kiosk, what: string, asks: RegExp, act: () => void): Promise<Ran> {
  let acted = false;
  return run(asked(machine, what), (said) => {
    if (acted || !asks.test(said)) return;
    acted = true;
    act();
  });
}

describe('keypad', () => {
  test.each<[Key[], number]>([
    [['5'], 0],
    [['8', '5'], 0],
  ])('%j: a 5 came', async (keys, status) => {
    const pad = await createKeypadSimulator({ tcp: true });
    onTestFinished(() => pad.unplug());
    const machine = await kiosk({ keypad: { at: pad.at } });
    const { code, said } = await when(machine, 'keypad', /Press 5/, () => {
      keys.forEach((key) => pad.press(key));
    });
    expect(code).toBe(status);
    expect(said).toContain('5 came');
  });

  test('unplugged before the key: out of order, with what came instead', async () => {
    const pad = await createKeypadSimulator({ tcp: true });
    const machine = await kiosk({ keypad: { at: pad.at } });
    const { code, said } = await when(machine, 'keypad', /Press 5/, () => {
      pad.press('8');
      void pad.unplug();
    });
    expect(code).toBe(2);
    expect(said).toContain('keypad-silent');
    expect(said.replaceAll(/\s+/g, ' ')).toContain('5 did not come, but 8');
  });
});

test('scanner: what was read is told', async () => {
  const scanner = await createScannerSimulator({ tcp: true });
  onTestFinished(() => scanner.unplug());
  const catalogue = { '8992761136116': { id: 'a', name: 'A', priceIdr: 1000 } };
  const machine = await kiosk({ scanner: { at: scanner.at }, catalogue });
  const { code, said } = await when(machine, 'scanner', /Scan a/, () => {
    scanner.scan({ text: '8992761136116' });
  });
  expect(code).toBe(0);
  expect(said).toContain('8992761136116');
});

test.each(['þ\u0080', '\u0004Q8', '899é'])(
  'scanner: %j is no good reading: the baud rate may be another',
  async (text) => {
    const scanner = await createScannerSimulator({ tcp: true });
    onTestFinished(() => scanner.unplug());
    const machine = await kiosk({ scanner: { at: scanner.at } });
    const { code, said } = await when(machine, 'scanner', /Scan a/, () => {
      scanner.scan({ text });
    });
    expect(code).toBe(1);
    expect(said.replaceAll(/\s+/g, ' ')).toContain('is baudRate the one of the scanner?');
  },
);

describe('screen', () => {
  async function shownTo(answer: string | undefined): Promise<Finding> {
    const screen = await createDisplaySimulator({
      listen: { port: 0 },
      geometry: { width: 480, height: 320 },
    });
    onTestFinished(() => screen.unplug());
    const { config: file } = await kiosk({ display: { at: screen.at } });
    const config = readConfigFile(file, kioskConfig, kioskExamples);
    let qr = '';
    const person = {
      tell: () => undefined,
      leave: () => undefined,
      ask: async () => {
        await expect.poll(() => screen.frame()).toBeDefined();
        const frame = screen.frame();
        if (frame !== undefined) qr = decodeQR(rgba(frame));
        return answer;
      },
    };
    const testing = {
      config,
      clock: systemClock,
      person,
      language: 'en',
      random: () => 0,
      signal: new AbortController().signal,
    } as const;
    const finding = await testScreen(testing);
    expect(qr).toContain('BUKAN PEMBAYARAN');
    return finding;
  }

  test.each<[string, string | undefined, number, Finding['verdict']]>([
    ['its number', '1000', 0, 'well'],
    ['another number', '1001', 2, 'fault'],
    ['nothing', undefined, 0, 'skipped'],
  ])('the person types %s', async (_name, answer, status, verdict) => {
    const finding = await shownTo(answer);
    expect(finding.verdict).toBe(verdict);
    expect(exitStatusOf([finding])).toBe(status);
  });
});

test('print: the page comes with its QR, or why it does not', async () => {
  const pages: string[] = [];
  const printer = await createPrinterSimulator({
    listen: { port: 0 },
    profile: printerProfiles['generic-58'],
    onPaper: ({ text }) => pages.push(text.join('\n')),
  });
  onTestFinished(() => printer.close());
  const machine = await kiosk({ printer: { at: printer.at } });
  expect(await run(asked(machine, 'print'))).toMatchObject({ code: 0 });
  await expect.poll(() => pages.length).toBe(1);
  printer.set({ paper: 'out' });
  const out = await run(asked(machine, 'print'));
  expect(out.code).toBe(2);
  expect(out.said).toContain('printer-paper-out');
  expect(pages).toHaveLength(1);
});

describe('dispense', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s in mid-pulse: the relay is switched off, and it is told that nobody knows',
    async (signal) => {
      let child: ChildProcess | undefined;
      const relay = new VirtualRelay(systemClock, (on) => {
        if (on) child?.kill(signal);
      });
      const board = await createRelaySimulator({ port: 0 }, relay);
      onTestFinished(() => board.unplug());
      const dispenser = { at: `lcus:${board.at}?pulseMs=9000`, anyAmount: true };
      const machine = await kiosk({ dispenser });
      const ran = await run(asked(machine, 'dispense'), (_said, asking) => {
        if (child === undefined) asking.stdin?.write('yes\n');
        child = asking;
      });
      expect({ pulses: relay.pulses, on: relay.on }).toEqual({ pulses: 1, on: false });
      expect(ran.code).toBe(2);
      expect(ran.said).toContain('dispenser-unknown');
      expect(ran.said).not.toContain('claim');
    },
  );

  test('a signal before the yes moves nothing, and does not end well', async () => {
    const relay = new VirtualRelay(systemClock);
    const board = await createRelaySimulator({ port: 0 }, relay);
    onTestFinished(() => board.unplug());
    const machine = await kiosk({ dispenser: { at: `lcus:${board.at}`, anyAmount: true } });
    let killed = false;
    const { code, said } = await run(asked(machine, 'dispense'), (_said, child) => {
      if (!killed) killed = child.kill('SIGINT');
    });
    expect({ code, pulses: relay.pulses }).toEqual({ code: 1, pulses: 0 });
    expect(said).toContain('not confirmed');
  });

  async function vended(...answers: readonly string[]): Promise<{ ran: Ran; pulses: number }> {
    const ids: string[] = [];
    const board = await createVendBoardSimulator({
      listen: { port: 0 },
      clock: systemClock,
      pulseMs: 10,
      onPulse: (id) => ids.push(id),
    });
    onTestFinished(() => board.close());
    const dispenser = { at: board.at, anyAmount: true };
    const machine = await kiosk({ dispenser });
    const ran = await run(asked(machine, 'dispense'), (_said, child) => {
      if (child.stdin?.writableEnded === false) child.stdin.end(answers.join('\n'));
    });
    return { ran, pulses: ids.length };
  }

  test('one piece after a yes, and well when the person saw it fall', async () => {
    const { ran, pulses } = await vended('yes', 'yes');
    expect({ code: ran.code, pulses }).toEqual({ code: 0, pulses: 1 });
  });

  test('nothing without a yes', async () => {
    for (const answer of ['', 'no', 'y']) {
      const { ran, pulses } = await vended(answer);
      expect({ code: ran.code, pulses }).toEqual({ code: 0, pulses: 0 });
    }
  });

  test('pulsed and nothing fell: out of order', async () => {
    const { ran, pulses } = await vended('yes', 'no');
    expect({ code: ran.code, pulses }).toEqual({ code: 2, pulses: 1 });
    expect(ran.said).toContain('dispenser-failed');
  });
});

test('a kiosk that runs keeps its devices', async () => {
  const machine = await kiosk();
  const lock = lockFolder(machine.stateDir);
  onTestFinished(() => {
    lock.release();
  });
  const { code, error } = await run(asked(machine, 'keypad'));
  expect(code).toBe(2);
  expect(error).toContain('systemctl stop kios');
});

test('what cannot be tested is out of order, not to be looked at', async () => {
  const machine = await kiosk();
  await writeFile(machine.config, 'stateDir: here\n');
  const { code, error } = await run(asked(machine, 'keypad'));
  expect(code).toBe(2);
  expect(error).toContain('cannot be used');
});

test('a call that is not understood is no finding', async () => {
  expect(await run(['test', 'nothing'])).toMatchObject({ code: 1 });
});

/** What a camera would see. */
function rgba({ width, height, pixels }: { width: number; height: number; pixels: Uint16Array }): {
  width: number;
  height: number;
  data: Uint8Array;
} {
  const data = new Uint8Array(width * height * 4);
  pixels.forEach((pixel, at) => {
    data.set([(pixel >> 11) << 3, ((pixel >> 5) & 63) << 2, (pixel & 31) << 3, 255], at * 4);
  });
  return { width, height, data };
}
