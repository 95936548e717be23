// What one step of the machine adds to what is known of past sales. PURE.
import { isSameReport } from './phases.ts';
import type { SaleNote } from './past-sales.ts';
import type { KioskEvent, Report, State, Told } from './state.ts';

/** Everything in this step that a relay without memory, or a customer with a code, may need one day. */
export function notesOf(before: State, event: KioskEvent, after: State): readonly SaleNote[] {
  return [...minted(before, after), ...proofs(event), ...results(before, after)];
}

/** The event as it is written down: proofs stand beside the entries, once, and not in each repetition. */
export function withoutProofs(event: KioskEvent): KioskEvent {
  if (event.kind === 'told') return { ...event, told: bare(event.told) };
  if (event.kind === 'caught-up') return { ...event, told: event.told.map(bare) };
  return event;
}

function bare(told: Told): Told {
  const { proof: _proof, ...rest } = told;
  return rest;
}

function minted(before: State, { phase }: State): SaleNote[] {
  if (phase.at !== 'charging' || before.phase.at === 'charging') return [];
  const { saleId, amountIdr, items, pieces } = phase.sale;
  return [{ kind: 'minted', saleId, amountIdr, items, pieces }];
}

function proofs(event: KioskEvent): SaleNote[] {
  const told = event.kind === 'told' ? [event.told] : event.kind === 'caught-up' ? event.told : [];
  return told.flatMap(({ saleId, verdict, fulfilment, proof }) => {
    if (proof === undefined) return [];
    const signed = fulfilment === undefined ? {} : { fulfilment };
    return [{ kind: 'proof' as const, saleId, verdict, ...signed, proof }];
  });
}

function results(before: State, after: State): SaleNote[] {
  const isNew = (report: Report): boolean =>
    !before.reports.some((other) => isSameReport(other, report) && other.result === report.result);
  return after.reports.filter(isNew).flatMap(({ saleId, dispenseId, result }): SaleNote[] => {
    if (dispenseId === undefined) return [{ kind: 'fulfilment', saleId, result }];
    return result === 'done' ? [{ kind: 'honoured', saleId, dispenseId }] : [];
  });
}
