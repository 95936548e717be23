// A kiosk without its journal: what its screen says, and when it dares to start anew.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ScreenContext } from '../../src/kiosk/screens.ts';
import {
  haltedScene,
  storageCode,
  untilStorageIsWell,
  withoutJournal,
} from '../../src/kiosk/standstill.ts';
import { journalFault } from '../../src/kiosk/journal-fault.ts';
import { KiosError } from '../../src/protocol/errors.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { Machine, rules } from './machine.ts';

const context: ScreenContext = {
  ...{ rules, merchant: { name: 'KIOS', nmid: 'ID1' }, sandbox: false, nowMs: 0 },
  claimCode: () => '1234 5678 901',
};

test.each([
  ['disk-full', 'Penyimpanan mesin penuh.'],
  ['disk-read-only', 'Penyimpanan mesin terkunci.'],
  ['journal-damaged', 'Catatan mesin rusak.'],
  ['journal-locked', 'Catatan mesin sedang dipakai program lain.'],
  ['journal-failed', 'Penyimpanan mesin rusak.'],
  ['data-missing', 'Penyimpanan data tidak ditemukan.'],
  ['other-machine', 'Kartu ini milik mesin lain. Daftarkan ulang.'],
] as const)('%s is named on the screen', (code, words) => {
  const scene = haltedScene(new Machine().state, code, context);
  expect(scene.lines).toContain(`${words} (${code})`);
  expect(scene.amount).toBeUndefined();
});

test('a customer who may have paid is given the number of the claim, and no QR', () => {
  const scene = haltedScene(new Machine().showQr().state, 'disk-full', context);
  expect(scene.lines.join('\n')).toContain('1234 5678 901');
  expect(scene.qr).toBeUndefined();
  const before = new Machine();
  before.keys('5');
  expect(haltedScene(before.state, 'disk-full', context).lines.join()).not.toContain('1234');
});

test('the relay is told the same code', () => {
  const { parts, phase } = withoutJournal(new Machine().showQr().state, 'disk-full');
  expect(parts.journal).toEqual({ ok: false, code: 'disk-full' });
  expect(phase.at).toBe('idle');
});

test('a start is tried no sooner than after half a minute, and only when the journal serves', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kios-standstill-'));
  try {
    const clock = new VirtualClock();
    let tries = 0;
    const failing = (): Promise<void> =>
      ++tries < 3 ? Promise.reject(new KiosError('disk-full', 'full')) : Promise.resolve();
    let well = false;
    const { signal } = new AbortController();
    void untilStorageIsWell(folder, failing, clock, signal).then(() => {
      well = true;
    });
    await clock.advance(29_999);
    expect(tries).toBe(0);
    await clock.advance(1);
    expect(tries).toBe(1);
    await clock.advance(10_000);
    expect(well).toBe(false);
    await clock.advance(10_000);
    expect(well).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  [{ errcode: 13 }, 'disk-full'],
  [{ errcode: 8 }, 'disk-read-only'],
  [{ errcode: 8 | (1 << 8) }, 'disk-read-only'],
  [{ errcode: 11 }, 'journal-damaged'],
  [{ errcode: 26 }, 'journal-damaged'],
  [{ errcode: 5 }, 'journal-locked'],
  [{ errcode: 10 }, 'journal-failed'],
  [{ code: 'ENOSPC' }, 'disk-full'],
  [{ code: 'EFBIG' }, 'disk-full'],
  [{ code: 'EROFS' }, 'disk-read-only'],
  [{}, 'journal-failed'],
] as const)('the error %j is %s', (fields, code) => {
  const fault = journalFault(Object.assign(new Error('x'), fields), '/tmp/x.sqlite', 'be read');
  expect(fault.code).toBe(code);
  expect(storageCode(fault)).toBe(code);
  expect(journalFault(fault, '/y', 'be read')).toBe(fault);
});

test('a missing partition and a journal of another machine are waited for like a bad disk', () => {
  expect(storageCode(new KiosError('data-missing', 'x'))).toBe('data-missing');
  expect(storageCode(new KiosError('other-machine', 'x'))).toBe('other-machine');
});

test('what is wrong with the enrolment is no fault of the disk', () => {
  expect(storageCode(new KiosError('not-enrolled', 'x'))).toBeUndefined();
  expect(storageCode(new KiosError('kiosk-running', 'x'))).toBeUndefined();
  expect(storageCode(new Error('x'))).toBeUndefined();
});
