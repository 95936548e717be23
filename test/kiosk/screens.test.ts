// Screens: every state in both languages says what it must, fits every panel, and hides what is not to be seen.
import { describe, expect, test } from 'vitest';
import { createRenderer } from '../../drivers/display/render.ts';
import { sceneOf } from '../../src/kiosk/screens.ts';
import { parts, type Part, type State } from '../../src/kiosk/state.ts';
import { lostCode } from '../../src/kiosk/new-state.ts';
import { sayCode } from '../../src/kiosk/words.ts';
import { errors, type ErrorCode } from '../../src/protocol/errors.ts';
import { saleA } from './machine.ts';
import { context, paying, phases, result, sale, stateAt } from './screen-states.ts';

const sizes = [
  { width: 480, height: 320 },
  { width: 800, height: 480 },
  { width: 480, height: 800 },
  { width: 1024, height: 600 },
];

describe.each(Object.entries(phases))('%s', (_name, phase) => {
  test.each(sizes)('fits $width × $height in both languages', (geometry) => {
    const renderer = createRenderer({ geometry });
    for (const language of ['id', 'en'] as const) {
      const frame = renderer.render(sceneOf(stateAt(phase, language), context));
      expect(frame.width).toBe(geometry.width);
    }
  });
});

test('with Midtrans away the customer reads that nothing was charged, and no claim code', () => {
  const away = sceneOf(stateAt(result('abandoned', 'gateway-down'), 'en'), context);
  const ordinary = sceneOf(stateAt(result('abandoned'), 'en'), context);
  const nothing = sceneOf(stateAt(result('unsent', 'gateway-down'), 'en'), context);
  expect(away.lines).toEqual(nothing.lines);
  expect(away.lines).not.toEqual(ordinary.lines);
});

test('a live QR carries amount, time left, merchant, NMID, the sale and a moving mark', () => {
  const scene = sceneOf(stateAt(paying, 'id'), context);
  expect(scene).toMatchObject({
    merchant: 'WARUNG BERKAH SENTOSA 123',
    amount: 'Rp 10.000.000',
    timeLeft: { words: 'Sisa waktu 2:41' },
    qr: { lines: ['NMID ID1099000000001', 'No. 0000'] },
    banner: 'TEST – JANGAN DIBAYAR',
    mark: 20,
  });
});

test('with real money there is no test banner', () => {
  expect(sceneOf(stateAt(paying, 'id'), { ...context, sandbox: false }).banner).toBeUndefined();
});

test('only one state shows a QR to a customer', () => {
  for (const [name, phase] of Object.entries(phases)) {
    if (phase.at === 'technician') continue;
    expect(sceneOf(stateAt(phase, 'id'), context).qr === undefined, name).toBe(name !== 'paying');
  }
});

test('a kiosk that cannot sell names what is missing', () => {
  const state = stateAt({ at: 'idle' }, 'id');
  const parts = {
    ...state.parts,
    relay: { ok: false as const, code: 'relay-unreachable' as const },
  };
  expect(sceneOf({ ...state, parts }, context)).toMatchObject({
    tone: 'bad',
    lines: ['Tidak ada sambungan ke server. (relay-unreachable)'],
  });
});

test('the way to the claim entry is shown only while a claim may be open', () => {
  const state = stateAt({ at: 'idle' }, 'en');
  const keys = (of: State): string[] => sceneOf(of, context).hints.map(({ key }) => key);
  expect(keys(state)).toContain('C 00');
  expect(keys({ ...state, claims: { open: [], wrong: 0 } })).not.toContain('C 00');
});

test('while the relay recovers, the idle screen says so by its code', () => {
  const state: State = {
    ...stateAt({ at: 'idle' }, 'en'),
    ledger: { at: 'waiting', retryAtMs: 0 },
  };
  expect(sceneOf(state, context).lines.join()).toContain('(recovering)');
});

test('a code that is typed is shown in the groups of its slip', () => {
  const { amount } = sceneOf(
    stateAt({ at: 'claiming', digits: '123456', untilMs: 0 }, 'id'),
    context,
  );
  expect(amount).toBe('1234 56__ ___');
});

test('a claim shows its code', () => {
  const scene = sceneOf(stateAt(result('claim'), 'id'), context);
  expect(scene.amount).toBe('1234 5678 901');
  expect(scene.lines[0]).toContain('Rp 10.000.000');
});

test('every code has words in both languages, and none shows a bare placeholder', () => {
  for (const code of Object.keys(errors) as ErrorCode[]) {
    for (const language of ['id', 'en'] as const) {
      const text = sayCode(language, code, { min: 'Rp 1', max: 'Rp 10.000.000', step: 'Rp 5.000' });
      expect(text).not.toMatch(/[{}]/);
      expect(text.length).toBeGreaterThan(5);
    }
  }
});

test('the question after a payment names the amount, and which key says yes', () => {
  const scene = sceneOf(
    stateAt({ at: 'asking', amountIdr: 12_000, items: [], untilMs: 0 }, 'en'),
    context,
  );
  expect(scene.lines).toEqual(['Rp 12.000 was just paid.', 'Pay once more?']);
  expect(scene.hints.map(({ key }) => key)).toEqual(['Enter', 'Esc']);
});

test('with the QR on paper the screen shows none, whatever the configuration prefers', () => {
  const scene = sceneOf(stateAt({ ...paying, sale: { ...sale, qrOn: 'paper' } }, 'id'), context);
  expect(scene.qr).toBeUndefined();
  expect(scene.heading).toBe('Ambil kertasnya dan pindai QR-nya');
});

describe('the technician’s screen', () => {
  const broken = (...them: readonly Part[]): State => {
    const state = stateAt({ at: 'technician', untilMs: 0 }, 'en');
    const lost = them.map((part) => [part, { ok: false, code: lostCode[part] }]);
    return { ...state, parts: { ...state.parts, ...(Object.fromEntries(lost) as object) } };
  };

  test('names each part that is not well, with its code, and the others as well', () => {
    const { lines } = sceneOf(broken('printer', 'dispenser'), context);
    expect(lines).toEqual([
      'The dispenser is not connected. (dispenser-lost)',
      'The printer is not connected. (printer-lost)',
      'Well: storage, server, display',
      'Reports waiting: 0. Claims open: 1.',
    ]);
  });

  test('says why the kiosk does not sell, also where no part is to blame', () => {
    const state: State = {
      ...broken(),
      ledger: { at: 'unknown', retryAtMs: 0, because: 'kiosk-cloned' },
    };
    expect(sceneOf(state, context).lines[0]).toBe(
      "This machine's card also runs elsewhere. Enrol it again. (kiosk-cloned)",
    );
  });

  test('names what the machine itself complains of, once', () => {
    const { lines } = sceneOf(broken(), { ...context, hardwareCodes: ['power-low'] });
    expect(lines[0]).toBe("The machine's power supply is too weak. (power-low)");
    expect(lines).toHaveLength(3);
  });

  test.each([
    [{}, []],
    [{ version: 7 }, ['Configuration 7']],
    [{ version: 8, trial: true as const }, ['Configuration 8, on trial']],
  ])('names the configuration from afar that runs: %j', (config, words) => {
    const { lines } = sceneOf(stateAt({ at: 'technician', untilMs: 0 }, 'en'), {
      ...context,
      config,
    });
    expect(lines.filter((line) => line.startsWith('Configuration'))).toEqual(words);
  });

  test('says that a newer configuration was refused, before what works', () => {
    const config = { version: 7, refused: { version: 8, why: 'colour' } };
    const { lines, tone } = sceneOf(stateAt({ at: 'technician', untilMs: 0 }, 'en'), {
      ...context,
      config,
    });
    expect([lines[0], tone]).toEqual([
      'A new configuration from the server was refused; the one before stays. (config-refused)',
      'warn',
    ]);
  });

  test('has a QR with what whoever helps asks first', () => {
    const page = sceneOf(stateAt({ at: 'technician', support: true, untilMs: 0 }, 'en'), context);
    expect(page.qr?.text).toBe(context.supportText?.());
  });

  test.each(sizes)('with everything broken fits $width × $height', (geometry) => {
    const renderer = createRenderer({ geometry });
    for (const language of ['id', 'en'] as const) {
      const scene = sceneOf({ ...broken(...parts), language }, context);
      expect(renderer.render(scene).width).toBe(geometry.width);
    }
  });

  test('shows no claim code: a slip’s copy is on paper', () => {
    const slips = [{ saleId: saleA, amountIdr: 12_000, slip: 'claim' as const }];
    const text = JSON.stringify(
      sceneOf(stateAt({ at: 'technician', slips, untilMs: 0 }, 'id'), context),
    );
    expect(text).toContain('1: BUKTI KLAIM Rp 12.000, no. 0000');
    expect(text).not.toContain(context.claimCode(saleA));
  });
});
