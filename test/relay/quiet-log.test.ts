// Warnings that the world can cause: one line a minute for each cause, in bounded memory.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createQuietLog, maxCauses, quietMs, type QuietWarn } from '../../src/relay/quiet-log.ts';

function quiet(): {
  warn: QuietWarn;
  lines: Record<string, unknown>[];
  pass: (ms: number) => void;
} {
  let nowMs = 0;
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void =>
    void lines.push(JSON.parse(line) as Record<string, unknown>);
  const warn = createQuietLog({ monotonicMs: () => nowMs }, pino({}, { write }));
  return { warn, lines, pass: (ms) => (nowMs += ms) };
}

test('a thousand of one cause are one line; the next minute tells how many were not told', () => {
  const { warn, lines, pass } = quiet();
  for (let i = 0; i < 1_000; i++) warn('hook.wrong-secret', '192.0.2.1');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ msg: 'hook.wrong-secret', cause: '192.0.2.1' });
  expect(lines[0]).not.toHaveProperty('untold');
  pass(quietMs);
  warn('hook.wrong-secret', '192.0.2.1', { route: '/v1' });
  expect(lines[1]).toMatchObject({ untold: 999, route: '/v1' });
});

test('other causes and other kinds have lines of their own', () => {
  const { warn, lines } = quiet();
  warn('status.malformed', 'ksk01');
  warn('status.malformed', 'ksk02');
  warn('broker.publish-refused', 'ksk01');
  expect(lines).toHaveLength(3);
});

test('more causes than are remembered share one line, until the old ones are over', () => {
  const { warn, lines, pass } = quiet();
  for (let i = 0; i < maxCauses + 500; i++) warn('status.malformed', `k${i}`);
  expect(lines).toHaveLength(maxCauses + 1);
  expect(lines.at(-1)).toMatchObject({ cause: 'others' });
  pass(quietMs);
  warn('status.malformed', 'knew');
  expect(lines.at(-1)).toMatchObject({ cause: 'knew' });
});
