// Whoever takes work has it for longer than it can last: else two relays would be at it.
import { expect, test } from 'vitest';
import { maxAskTimeoutMs, relayConfig } from '../../src/relay/config.ts';
import { noticeLeaseMs } from '../../src/relay/notices.ts';
import { maxHops } from '../../src/relay/pursue.ts';
import { dueLeaseMs } from '../../src/relay/reconcile.ts';
import { claimLeaseMs, maxClaimHops } from '../../src/relay/refund.ts';

/** For the store, between the questions. */
const spareMs = 10_000;

test('leases are longer than the longest chain of hops with the slowest configuration', () => {
  // Of a due row: what `pursue` does. Of a notice: its question alone, after which its row says what is next.
  expect(dueLeaseMs).toBeGreaterThanOrEqual(maxHops * maxAskTimeoutMs + spareMs);
  expect(noticeLeaseMs).toBeGreaterThan(maxAskTimeoutMs);
  // Of a claim: a question with its `pursue`, then a refund, in turn.
  const lookMs = (1 + maxHops) * maxAskTimeoutMs;
  const walkMs = (maxClaimHops / 2) * (lookMs + maxAskTimeoutMs);
  expect(claimLeaseMs).toBeGreaterThanOrEqual(walkMs + spareMs);
});

test('a notice whose relay was killed is taken by another within some ten seconds', () => {
  expect(noticeLeaseMs).toBeLessThanOrEqual(12_000);
});

test('the configuration allows no slower question', () => {
  const parsed = relayConfig.safeParse({ midtrans: { askTimeoutMs: maxAskTimeoutMs + 1 } });
  const paths = parsed.error?.issues.map(({ path }) => path.join('.'));
  expect(paths).toContain('midtrans.askTimeoutMs');
});
