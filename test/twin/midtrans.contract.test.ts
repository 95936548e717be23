// How Midtrans behaves, as a merchant sees it: one suite for the twin and, with MIDTRANS_SANDBOX_SERVER_KEY in the
// environment, for Midtrans' own sandbox. What its reference confirms and what can be seen from outside stands in contract/;
// what needs the payer's hand, a public address or passing time is skipped, visibly, where the target has none of them.
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { ContractMerchant } from './contract/call.ts';
import { describeCharging } from './contract/charging.ts';
import { describeExpiry } from './contract/expiring.ts';
import { describeStopping } from './contract/stopping.ts';
import { describeKeys } from './contract/repeating.ts';
import { describePaid } from './contract/paying.ts';
import { describeNotices } from './contract/noticing.ts';
import { targets } from './contract/targets.ts';

describe.each(targets())('$name', (target) => {
  const shop = new ContractMerchant(target);
  beforeAll(() => target.start());
  afterAll(() => target.stop());
  afterEach(() => shop.stopAll());

  describeCharging(target, shop);
  describeExpiry(target, shop);
  describeStopping(target, shop);
  describeKeys(target, shop);
  describePaid(target, shop);
  describeNotices(target, shop);
});
