// Whether the relay still has the ledger that this kiosk knows, and what is done when a backup took its place
// (PROTOCOL.md §8). PURE. Another ledger is taken only after the relay has taken what the journal knows.
import type { ErrorCode } from '../protocol/errors.ts';
import type { Effect, EventOf, LedgerCheck, RequestFailure, State } from './state.ts';

type Step = readonly [State, readonly Effect[]];

/** A question whether the ledger is the same is asked again after this long without an answer. */
const askAgainMs = 10_000;
/** So often the ledger is asked for where no sale does: each time is two entries of the journal, and cards wear out. */
const sameAgainMs = 60 * 60_000;
/** All pages of a post, each with its own time limit, are through by then. */
const postPatienceMs = 120_000;
/** While the relay asks Midtrans, it is asked whether it has finished. */
const waitMs = 5_000;
/** A kiosk that was turned away must be enrolled again; it asks seldom meanwhile. */
const turnedAwayAgainMs = 60_000;
/** The journal is posted no more often than this, whatever the relay says. */
const postAgainMs = 60_000;
const maxRetryMs = 60_000;

/** Why nothing can be sold until the ledgers agree. */
export function ledgerCode(ledger: LedgerCheck): ErrorCode | undefined {
  switch (ledger.at) {
    case 'same':
      return undefined;
    case 'unknown':
      return ledger.because ?? 'relay-unreachable';
    case 'posting':
    case 'waiting':
      return 'recovering';
  }
}

/** When the ledger wants a `woke`. While the relay is away there is nobody to ask. */
export function ledgerWake({ ledger, parts }: State): number | undefined {
  return parts.relay.ok ? ledger.retryAtMs : undefined;
}

/** The relay has the ledger that this kiosk knows. */
export function sameLedger(state: State, atMs: number): LedgerCheck {
  return { ...posted(state), at: 'same', retryAtMs: atMs + sameAgainMs };
}

export function wokeLedger(state: State, atMs: number): Step {
  const { ledger, cursor: since } = state;
  if (!state.parts.relay.ok || atMs < (ledger.retryAtMs ?? Infinity)) return [state, []];
  switch (ledger.at) {
    case 'same':
      return [{ ...state, ledger: sameLedger(state, atMs) }, [{ kind: 'catch-up', since }]];
    case 'unknown':
      return doubt(state, atMs);
    case 'posting': {
      const again = { ...ledger, tries: ledger.tries + 1, retryAtMs: atMs + postPatienceMs };
      return [{ ...state, ledger: again }, [{ kind: 'recover', post: 'all', since }]];
    }
    case 'waiting': {
      const again = { ...ledger, retryAtMs: atMs + postPatienceMs };
      return [{ ...state, ledger: again }, [{ kind: 'recover', post: 'nothing', since }]];
    }
  }
}

/** The relay, or the line to it, was away: it may come back as another. */
export function lineLost(state: State, atMs: number): State {
  if (state.ledger.at !== 'same') return state;
  return { ...state, ledger: { ...state.ledger, at: 'unknown', retryAtMs: atMs } };
}

/** Before the first charge after an absence the relay is asked which ledger it has. */
export function lineBack(state: State, atMs: number): Step {
  const { ledger } = state;
  if (ledger.at === 'same') return [state, []];
  return wokeLedger({ ...state, ledger: { ...ledger, retryAtMs: atMs } }, atMs);
}

/** An answer spoke of another ledger. What it says of its ledger is not signed: the relay is asked. */
export function doubtLedger(state: State, atMs: number): Step {
  const { at } = state.ledger;
  return at === 'posting' || at === 'waiting' ? [state, []] : doubt(state, atMs);
}

function doubt(state: State, atMs: number): Step {
  const retryAtMs = atMs + askAgainMs;
  const ledger = { ...posted(state), ...said(state), at: 'unknown' as const, retryAtMs };
  return [{ ...state, ledger }, [{ kind: 'catch-up', since: state.cursor }]];
}

/** Whether this kiosk still may ask at all; until the relay has said no, it sells on. */
export function askWhy(state: State): Step {
  const may = state.ledger.at === 'same' && state.parts.relay.ok;
  return [state, may ? [{ kind: 'catch-up', since: state.cursor }] : []];
}

/** The relay is there and will have nothing to do with this kiosk: a copy of its card runs elsewhere, it was revoked. */
const standing: ReadonlySet<ErrorCode> = new Set(['kiosk-cloned', 'kiosk-revoked', 'unauthorised']);

/** An answer that says so: nothing is sold until the relay thinks better of it. */
export function turnedAway(state: State, failure: RequestFailure, atMs: number): State {
  if (failure.kind !== 'refused' || !standing.has(failure.code)) return state;
  const { at } = state.ledger;
  if (at === 'posting' || at === 'waiting') return state;
  const because = failure.code;
  const retryAtMs = atMs + turnedAwayAgainMs;
  return { ...state, ledger: { ...posted(state), at: 'unknown', because, retryAtMs } };
}

/** The question what has changed was not answered: why, stands on the screen. */
export function ledgerUntold(state: State, failure: RequestFailure, atMs: number): Step {
  const away = turnedAway(state, failure, atMs);
  const { ledger } = away;
  if (away !== state || ledger.at !== 'unknown') return [away, []];
  return [{ ...away, ledger: { ...ledger, because: failure.code } }, []];
}

/** The relay says that it has another ledger: it is given what the journal knows. */
export function ledgerDiffers(state: State, atMs: number): Step {
  const { ledger, cursor: since } = state;
  if (ledger.at === 'posting' || ledger.at === 'waiting') return [state, []];
  const againAtMs = (ledger.postedAtMs ?? -Infinity) + postAgainMs;
  if (atMs < againAtMs) {
    // It was given everything and says so again: whatever it is, it has not recovered.
    const waiting = { ...posted(state), because: 'recovering' as const, retryAtMs: againAtMs };
    return [{ ...state, ledger: { ...waiting, at: 'unknown' } }, []];
  }
  const retryAtMs = atMs + postPatienceMs;
  const posting = { at: 'posting' as const, tries: 0, retryAtMs, postedAtMs: atMs };
  return [{ ...state, ledger: posting }, [{ kind: 'recover', post: 'all', since }]];
}

/** The relay lacks a sale that it has signed for: that, too, is what a backup looks like. */
export function saleUnknown(state: State, atMs: number): Step {
  const { ledger } = state;
  const lately = atMs - (ledger.postedAtMs ?? -Infinity) < postAgainMs;
  return ledger.at !== 'same' || lately ? [state, []] : ledgerDiffers(state, atMs);
}

/** A call was answered 503 `recovering`: the relay asks Midtrans about what it was given. */
export function relayRecovers(state: State, atMs: number): State {
  if (state.ledger.at === 'posting' || state.ledger.at === 'waiting') return state;
  const ledger = { ...posted(state), at: 'waiting' as const, retryAtMs: atMs + waitMs };
  return { ...state, ledger };
}

/** The new ledger is taken with this event, so it is on the disk before anything is done in it. */
export function recovered(state: State, event: EventOf<'recovered'>): Step {
  const { ledger } = state;
  const { atMs } = event;
  if (ledger.at !== 'waiting' && (ledger.at !== 'posting' || event.post !== 'all')) {
    return [state, []];
  }
  const changed = event.ledgerId !== state.ledgerId;
  if (event.post === 'nothing' && changed) {
    return ledgerDiffers({ ...state, ledger: { at: 'unknown', retryAtMs: atMs } }, atMs);
  }
  const next: LedgerCheck = event.recovering
    ? { ...posted(state), at: 'waiting', retryAtMs: atMs + waitMs }
    : sameLedger(state, atMs);
  const taken: State = { ...state, ledgerId: event.ledgerId, ledger: next };
  return [taken, [{ kind: 'catch-up', since: state.cursor }]];
}

export function recoverFailed(state: State, { atMs }: { atMs: number }): Step {
  const { ledger } = state;
  if (ledger.at === 'waiting') {
    return [{ ...state, ledger: { ...ledger, retryAtMs: atMs + waitMs } }, []];
  }
  if (ledger.at !== 'posting') return [state, []];
  const waitAgainMs = Math.min(1000 * 2 ** Math.min(ledger.tries, 10), maxRetryMs);
  return [{ ...state, ledger: { ...ledger, retryAtMs: atMs + waitAgainMs } }, []];
}

/** What the relay said last stands until it says something else. */
function said({ ledger }: State): { because?: ErrorCode } {
  return ledger.at === 'unknown' && ledger.because !== undefined ? { because: ledger.because } : {};
}

function posted({ ledger }: State): Pick<LedgerCheck, 'postedAtMs'> {
  return ledger.postedAtMs === undefined ? {} : { postedAtMs: ledger.postedAtMs };
}
