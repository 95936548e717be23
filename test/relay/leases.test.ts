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
  // Of a due row: what `pursue` does. Of a notice: one question before that.
  expect(dueLeaseMs).toBeGreaterThanOrEqual(maxHops * maxAskTimeoutMs + spareMs);
  expect(noticeLeaseMs).toBeGreaterThanOrEqual((1 + maxHops) * maxAskTimeoutMs + spareMs);
  // Of a claim: a question with its `pursue`, then a refund, in turn.
  const lookMs = (1 + maxHops) * maxAskTimeoutMs;
  const walkMs = (maxClaimHops / 2) * (lookMs + maxAskTimeoutMs);
  expect(claimLeaseMs).toBeGreaterThanOrEqual(walkMs + spareMs);
});

test('the configuration allows no slower question', () => {
  const parsed = relayConfig.safeParse({ midtrans: { askTimeoutMs: maxAskTimeoutMs + 1 } });
  const paths = parsed.error?.issues.map(({ path }) => path.join('.'));
  expect(paths).toContain('midtrans.askTimeoutMs');
});
