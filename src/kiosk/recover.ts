// Gives a relay that was restored from a backup what this kiosk's journal knows (PROTOCOL.md §8). It decides nothing: the
// machine takes the new ledger only when every page was taken.
import type { RecoverAnswer } from '../protocol/api.ts';
import type { Log } from '../lib/log.ts';
import type { ProvedSale } from './past-sales.ts';
import type { Answer } from './relay-client.ts';

/** What one post may hold (`recoverBody`). */
const salesAPost = 500;

/** One page; whoever sends it signs what it reports. */
export interface RecoverPage {
  sales: ProvedSale[];
  /** Where this kiosk stands in the ledger that it knew. */
  since?: string;
}

export type Recovered = Pick<RecoverAnswer, 'ledgerId' | 'recovering'>;

/**
 * Posts all pages, one after the other; the first that fails ends it, and the next try begins anew: what the relay has
 * already, it keeps. A sale that the relay refuses does not stop the others.
 */
export async function postSales(
  post: (page: RecoverPage) => Promise<Answer<RecoverAnswer>>,
  sales: readonly ProvedSale[],
  since: string,
  log: Log,
): Promise<Answer<Recovered>> {
  let last: RecoverAnswer | undefined;
  for (let from = 0; from < Math.max(1, sales.length); from += salesAPost) {
    const page = sales.slice(from, from + salesAPost);
    const answer = await post({ sales: page, since });
    if (!answer.ok) return answer;
    // Between two pages it was restored once more.
    if (last !== undefined && last.ledgerId !== answer.value.ledgerId) {
      return { ok: false, failure: { kind: 'lost', code: 'ledger-differs' } };
    }
    last = answer.value;
    for (const { index, code } of last.refused) {
      log.error({ saleId: page[index]?.saleId, code }, 'recovery.refused');
    }
    log.warn({ posted: page.length, taken: last.taken }, 'recovery.posted');
  }
  if (last === undefined) return { ok: false, failure: { kind: 'lost', code: 'ledger-differs' } };
  return { ok: true, value: last };
}
