// A kiosk that its operator has closed: no sale begins, none that was begun suffers, and the screen says why.
import { expect, test } from 'vitest';
import { createRenderer } from '../../drivers/display/render.ts';
import { ownHealth } from '../../src/kiosk/health-file.ts';
import { completed, newState } from '../../src/kiosk/new-state.ts';
import { sceneOf } from '../../src/kiosk/screens.ts';
import type { NewEvent } from '../../src/kiosk/kiosk.ts';
import type { State } from '../../src/kiosk/state.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { code } from './desk.ts';
import { ledgerId, Machine, rules, tell } from './machine.ts';
import { context } from './screen-states.ts';

const close: NewEvent = {
  kind: 'part',
  part: 'operator',
  health: { ok: false, code: 'out-of-service' },
};
const open: NewEvent = { kind: 'part', part: 'operator', health: { ok: true } };

test('no sale begins until it is opened again', () => {
  const kiosk = new Machine();
  kiosk.take(close);
  expect(kiosk.keys('1', '5', '000', 'enter')).toEqual([]);
  expect(kiosk.phase('blocked').codes).toEqual(['out-of-service']);
  kiosk.take(open);
  kiosk.keys('1', '5', '000', 'enter');
  expect(kiosk.at).toBe('charging');
});

test('no claim is served either: its goods would come out of a machine that somebody has closed', () => {
  const kiosk = new Machine();
  kiosk.take(close);
  kiosk.take({ kind: 'scan', scan: { text: `KLAIM${code}` } });
  expect(kiosk.phase('blocked').codes).toContain('out-of-service');
  expect(kiosk.count('seek-claim')).toBe(0);
});

test('a charge that was begun goes on, its QR stays, and its money brings goods', () => {
  const kiosk = new Machine();
  kiosk.keys('1', '5', '000', 'enter');
  kiosk.take(close);
  kiosk.take(tell('pending', { askedAtMs: kiosk.nowMs }));
  expect(kiosk.at).toBe('paying');
  kiosk.take(tell('paid', { askedAtMs: kiosk.nowMs, settledAgoMs: 0 }));
  expect(kiosk.count('dispense')).toBe(1);
});

test('the idle screen says so, with the operator’s message', () => {
  const kiosk = new Machine();
  kiosk.take(close);
  const { heading, lines } = sceneOf(kiosk.state, { ...context, message: 'Buka pukul 17.00' });
  expect(heading).toBe('Maaf, sedang tidak dapat melayani');
  expect(lines).toContain('Mesin ini sedang ditutup oleh operator. (out-of-service)');
  expect(lines).toContain('Buka pukul 17.00');
});

test('a message stands on the idle screen alone, and the longest one fits a small panel', () => {
  const kiosk = new Machine();
  const message = 'Kembali sebentar lagi. '.repeat(5).padEnd(120, '.');
  const said = { ...context, message };
  const scene = sceneOf(kiosk.state, said);
  expect(scene.lines).toContain(message);
  const geometry = { width: 480, height: 320 };
  expect(createRenderer({ geometry }).render(scene)).toMatchObject(geometry);
  kiosk.showQr();
  expect(sceneOf(kiosk.state, said).lines).not.toContain(message);
});

test('a release on trial is not judged by it', () => {
  const kiosk = new Machine();
  kiosk.take(close);
  expect(ownHealth(kiosk.state, rules, '1.0.0').parts).not.toHaveProperty('operator');
});

test('a journal of a version that knew no operator is taken up, and sells', () => {
  const fresh = newState(startCursor, ledgerId);
  const { operator: _unknown, ...parts } = fresh.parts;
  const written = JSON.parse(JSON.stringify({ ...fresh, parts })) as State;
  expect(completed(written, fresh).parts.operator).toEqual({ ok: true });
});
