// What the kiosk writes for root to read, and how it asks root: in folders that stand for those of systemd.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAskRoot } from '../../src/kiosk/ask-root.ts';
import { ownHealth, tellHealth } from '../../src/kiosk/health-file.ts';
import { newState } from '../../src/kiosk/new-state.ts';
import type { Rules } from '../../src/kiosk/rules.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { healthReport } from '../../src/protocol/root-request.ts';

let folder: string;
let nowMs: number;
/** Called at each wait. */
let meanwhile: () => void;

const clock: Clock = {
  nowMs: () => nowMs,
  monotonicMs: () => nowMs,
  after(delayMs, call) {
    nowMs += delayMs;
    meanwhile();
    queueMicrotask(call);
    return () => undefined;
  },
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-health-'));
  nowMs = 1_000;
  meanwhile = () => undefined;
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const rules = { required: [] } as unknown as Rules;
const idle = newState('0.0', 'ledger');

test('it says which release runs, that nobody is served, and which parts work', async () => {
  const stopping = new AbortController();
  meanwhile = () => {
    stopping.abort();
  };
  const report = (): ReturnType<typeof ownHealth> => ownHealth(idle, rules, '1.2.3');
  await tellHealth({ folder, report, clock, log: silentLog, signal: stopping.signal });
  const said = healthReport.parse(JSON.parse(readFileSync(join(folder, 'health.json'), 'utf8')));
  const release = join(import.meta.dirname, '../..')
    .split('/')
    .at(-1);
  expect(said).toMatchObject({ release, version: '1.2.3', atMs: 1_000, idle: true });
  expect(Object.keys(said.parts)).toContain('keypad');
  expect(readdirSync(folder)).toEqual(['health.json']);
});

test('a kiosk that its operator has closed says nothing of its release by it', () => {
  const closed = { ok: false, code: 'out-of-service' } as const;
  const state = { ...idle, parts: { ...idle.parts, operator: closed } };
  expect(ownHealth(state, rules, '1').parts).not.toHaveProperty('operator');
});

test('somebody who types is a customer', () => {
  const entering = { ...idle, phase: { ...idle.phase, at: 'entering' } } as typeof idle;
  expect(ownHealth(entering, rules, '1').idle).toBe(false);
});

test('a folder that cannot be written ends nothing', async () => {
  const stopping = new AbortController();
  meanwhile = () => {
    stopping.abort();
  };
  const report = (): ReturnType<typeof ownHealth> => ownHealth(idle, rules, '1');
  const nowhere = join(folder, 'nowhere');
  await tellHealth({ folder: nowhere, report, clock, log: silentLog, signal: stopping.signal });
  expect(nowMs).toBeGreaterThan(1_000);
});

test("a request is whole, for root's group alone, and answered by its name", async () => {
  mkdirSync(join(folder, 'clock'));
  mkdirSync(join(folder, 'answers'));
  const request = { id: 'request-1', token: 'x', heardAtMs: 5 };
  meanwhile = () => {
    const path = join(folder, 'clock/request-1.json');
    expect(readdirSync(join(folder, 'clock'))).toEqual(['request-1.json']);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(request);
    const answers = [
      { id: 'request-0', outcome: 'refused', why: 'another' },
      { id: 'request-1', outcome: 'done', why: 'ours' },
    ];
    writeFileSync(join(folder, 'answers/clock.json'), JSON.stringify(answers));
  };
  const umask = process.umask(0o077);
  const answer = await createAskRoot(clock, folder)('clock', request, 10_000);
  process.umask(umask);
  expect(answer?.why).toBe('ours');
});

test('without root there is no answer, and nobody waits', async () => {
  const request = { id: 'request-1', token: 'x' };
  expect(await createAskRoot(clock, folder)('clock', request, 10_000)).toBeUndefined();
  mkdirSync(join(folder, 'clock'));
  expect(await createAskRoot(clock, folder)('clock', request, 10_000)).toBeUndefined();
  expect(nowMs).toBe(11_000);
});
