// Does what the machine asks for, and posts what came of it. One function an effect; it decides nothing.
import assert from 'node:assert';
import { DeviceError, type PrintDocument, type PrintOutcome } from '../../drivers/device.ts';
import { isPrinterCode, printerCode } from './printer-watch.ts';
import { wait, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { BrokerLink } from './broker-link.ts';
import type { Devices } from './devices.ts';
import type { NewEvent } from './kiosk.ts';
import type { ProvedSale } from './past-sales.ts';
import { createRecall, devicePatienceMs, deviceStepMs } from './recall.ts';
import { postSales, type Recovered } from './recover.ts';
import type { Answer, RelayClient } from './relay-client.ts';
import { KiosError, type ErrorCode } from '../protocol/errors.ts';
import type {
  Effect,
  EventOf,
  FoundClaim,
  Part,
  PartHealth,
  PastSlip,
  Request,
  Told,
} from './state.ts';

type PrintEffect = Extract<Effect, { kind: 'print' }>;

export interface EffectsOptions {
  client: RelayClient;
  link: () => BrokerLink | undefined;
  devices: () => Devices;
  clock: Clock;
  log: Log;
  post: (event: NewEvent) => void;
  /** Tells the machine of a part's health when it changed. */
  onPart: (part: Part, health: PartHealth) => void;
  ledgerId: () => string;
  /** What the relay has signed for, out of the journal. */
  proved: () => readonly ProvedSale[];
  /** The sale that a claim code belongs to, out of the journal. */
  seekClaim: (code: string) => FoundClaim | undefined;
  /** The newest slips of the past, out of the journal. */
  pastSlips: () => readonly PastSlip[];
  /** The order that a dispenser carried out last, out of the journal; two, where it is not sure. */
  lastCarriedOut: () => readonly string[];
  /** A new id for a sale or a dispense. */
  mintId: () => string;
  /** The paper for a slip, with the times of now; or why there can be none. */
  slip: (effect: Extract<Effect, { kind: 'print' }>) => PrintDocument | ErrorCode;
  /** The journal could not be read. */
  unreadable?: (error: KiosError) => void;
  signal: AbortSignal;
}

/** Makes the function that the loop calls for each effect. */
export function createPerform(options: EffectsOptions): (effect: Effect) => void {
  const { client, link, devices, clock, log, post, onPart, ledgerId, slip, signal } = options;
  let catchingUp = false;
  let recovering = false;
  let printing = Promise.resolve();
  /** The last order that a motor was given: there is one customer at a time. */
  let ordered: string | undefined;
  const qrJobs = new Map<string, AbortController>();

  /** Undefined: it could not be read, which is told elsewhere. */
  const fromJournal = <T>(read: () => T): { got: T } | undefined => {
    try {
      return { got: read() };
    } catch (error) {
      if (!(error instanceof KiosError)) throw error;
      options.unreadable?.(error);
      return undefined;
    }
  };

  const recalled = createRecall({
    dispenser: () => devices().dispenser.current(),
    lastCarriedOut: () => fromJournal(options.lastCarriedOut)?.got,
    ...{ clock, log, signal },
  });

  const relayAnswered = (answer: Answer<unknown>): void => {
    const down = !answer.ok && answer.failure.kind !== 'refused';
    onPart('relay', down ? { ok: false, code: 'relay-unreachable' } : { ok: true });
  };

  const ask = async (
    request: Exclude<Request, 'report' | 'redeem'>,
    saleId: string,
    answering: Promise<Answer<Told>>,
  ): Promise<void> => {
    const answer = await answering;
    relayAnswered(answer);
    if (answer.ok) {
      post({ kind: 'told', via: 'http', told: answer.value });
      return;
    }
    log.warn({ request, saleId, ...answer.failure }, 'relay.request-failed');
    post({ kind: 'request-failed', request, saleId, failure: answer.failure });
  };

  const report = async (effect: Extract<Effect, { kind: 'report' }>): Promise<void> => {
    const { saleId, dispenseId, result } = effect;
    let answer: Answer<unknown>;
    if (dispenseId === undefined) answer = await client.report(effect);
    else {
      assert(result !== 'abandoned', 'a redemption is never handed over to the relay');
      answer = await client.redeemResult({ saleId, dispenseId, result });
    }
    relayAnswered(answer);
    const what = { saleId, ...(dispenseId === undefined ? {} : { dispenseId }) };
    if (answer.ok) {
      post({ kind: 'reported', ...what });
      return;
    }
    log.warn({ request: 'report', ...what, ...answer.failure }, 'relay.request-failed');
    post({ kind: 'request-failed', request: 'report', ...what, failure: answer.failure });
  };

  const redeem = async (effect: Extract<Effect, { kind: 'redeem' }>): Promise<void> => {
    const { saleId, dispenseId, amountIdr } = effect;
    const answer = await client.redeem(effect);
    relayAnswered(answer);
    if (answer.ok) {
      log.info({ saleId, dispenseId }, 'claim.granted');
      post({ kind: 'granted', saleId, dispenseId, amountIdr });
      return;
    }
    const { failure } = answer;
    log.warn({ request: 'redeem', saleId, dispenseId, ...failure }, 'relay.request-failed');
    post({ kind: 'request-failed', request: 'redeem', saleId, dispenseId, failure });
  };

  const recover = async (effect: Extract<Effect, { kind: 'recover' }>): Promise<void> => {
    if (recovering) return;
    const known = fromJournal(options.proved);
    if (known === undefined) {
      post({ kind: 'recover-failed', code: 'journal-damaged' });
      return;
    }
    recovering = true;
    try {
      const answer: Answer<Recovered> =
        effect.post === 'nothing'
          ? await client.recover({ sales: [] })
          : await postSales((body) => client.recover(body), known.got, effect.since, log);
      relayAnswered(answer);
      if (answer.ok) {
        const { ledgerId: ledger, recovering: still } = answer.value;
        post({ kind: 'recovered', post: effect.post, ledgerId: ledger, recovering: still });
      } else {
        log.warn({ ...answer.failure }, 'relay.recover-failed');
        post({ kind: 'recover-failed', code: answer.failure.code });
      }
    } finally {
      recovering = false;
    }
  };

  const seekClaim = (code: string): void => {
    const sought = fromJournal(() => options.seekClaim(code));
    // Nobody's code is wrong for that: its customer is told to come again.
    if (sought === undefined) return;
    const { got: found } = sought;
    log.info({ saleId: found?.saleId }, 'claim.sought');
    const freshId = options.mintId();
    post({ kind: 'claim-sought', code, freshId, ...(found === undefined ? {} : { found }) });
  };

  const seekSlips = (): void => {
    const slips = fromJournal(options.pastSlips);
    if (slips !== undefined) post({ kind: 'slips-found', slips: slips.got });
  };

  const dispense = async (effect: Extract<Effect, { kind: 'dispense' }>): Promise<void> => {
    const { saleId, dispenseId, pieces } = effect;
    // Asked for once more in one life, whatever the reason: the motor has had this order.
    const id = dispenseId ?? saleId;
    if (id === ordered) return;
    ordered = id;
    const granted = dispenseId === undefined ? {} : { dispenseId };
    const device = devices().dispenser.current();
    // Without a connection nothing can have moved.
    const result = device === undefined ? 'failed' : await device.dispense({ id, pieces }, signal);
    // The kiosk is ending: it does not know, and the next run asks the board.
    if (signal.aborted) return;
    log.info({ saleId, ...granted, result }, 'sale.dispensed');
    // A line that was lost in mid-vend comes back, and the board remembers what it did.
    if (result === 'unknown') await recall({ saleId, ...granted });
    else post({ kind: 'dispensed', saleId, ...granted, result });
  };

  const recall = async (order: { saleId: string; dispenseId?: string }): Promise<void> => {
    const result = await recalled(order.dispenseId ?? order.saleId);
    if (signal.aborted) return;
    log.warn({ ...order, result }, 'sale.recalled');
    post({ kind: 'dispenser-recalled', ...order, result });
  };

  /** One slip after the other: a printer that is busy would refuse the second. */
  const print = (effect: PrintEffect): void => {
    const job = new AbortController();
    if (effect.slip === 'qr') qrJobs.set(effect.sale.saleId, job);
    printing = printing.then(async () => printNow(effect, job.signal));
  };

  const printNow = async (effect: PrintEffect, voided: AbortSignal): Promise<void> => {
    const saleId = saleOfSlip(effect);
    const job = AbortSignal.any([signal, voided]);
    const { result, code } = await printed(effect, job);
    if (effect.slip === 'qr') qrJobs.delete(effect.sale.saleId);
    if (signal.aborted) return;
    if (code !== undefined) log.warn({ saleId, slip: effect.slip, code }, 'printer.failed');
    post({
      kind: 'printed',
      slip: effect.slip,
      ...(saleId === undefined ? {} : { saleId }),
      result,
      ...(code === undefined ? {} : { code }),
    });
    if (code !== undefined && !job.aborted) printerRefused(code);
  };

  /** The next customer is not to find that out again. The watch of the paper brings it back, where it can ask. */
  const printerRefused = (code: ErrorCode): void => {
    if (!isPrinterCode(code) || devices().printer?.current()?.paper === undefined) return;
    onPart('printer', { ok: false, code });
  };

  const printed = async (
    effect: PrintEffect,
    job: AbortSignal,
  ): Promise<Pick<EventOf<'printed'>, 'result' | 'code'>> => {
    const document = fromJournal(() => slip(effect))?.got ?? 'journal-damaged';
    if (typeof document === 'string') return { result: 'failed', code: document };
    const outcome = await printOn(document, job);
    if (outcome.result !== 'failed') return outcome;
    return { result: 'failed', code: printerCode(outcome.error) };
  };

  /** After a start the printer may still be opening. */
  const printOn = async (document: PrintDocument, job: AbortSignal): Promise<PrintOutcome> => {
    const error = new DeviceError('not-found', 'there is no printer');
    const { printer } = devices();
    if (printer === undefined) return { result: 'failed', error };
    const untilMs = clock.monotonicMs() + devicePatienceMs;
    while (printer.current() === undefined && clock.monotonicMs() < untilMs && !job.aborted) {
      await wait(clock, deviceStepMs, job);
    }
    const open = printer.current();
    if (open === undefined || job.aborted) return { result: 'failed', error };
    return open.print(document, job);
  };

  const catchUp = async (since: string): Promise<void> => {
    if (catchingUp) return;
    catchingUp = true;
    try {
      const asked = ledgerId();
      const answer = await client.changes(since, asked);
      relayAnswered(answer);
      if (answer.ok) {
        const { told, answer: page } = answer.value;
        post({
          kind: 'caught-up',
          told,
          ledgerId: page.ledgerId,
          more: page.more,
        });
      } else {
        log.warn({ ...answer.failure }, 'relay.catch-up-failed');
        const { failure } = answer;
        if (failure.code === 'ledger-differs') post({ kind: 'ledger-differs', asked });
        else post({ kind: 'catch-up-failed', failure });
      }
    } finally {
      catchingUp = false;
    }
  };

  const ack = async (upTo: number): Promise<void> => {
    if (link()?.ack(ledgerId(), upTo) === true) return;
    // The outbox keeps the row until an acknowledgement arrives, so a failed one costs a repeat and nothing else.
    const asked = ledgerId();
    const answer = await client.ack(asked, upTo);
    if (!answer.ok && answer.failure.code === 'ledger-differs') {
      post({ kind: 'ledger-differs', asked });
    }
  };

  return (effect) => {
    switch (effect.kind) {
      case 'charge':
        return void ask('charge', effect.saleId, client.charge(effect));
      case 'look':
        return void ask('look', effect.saleId, client.look(effect.saleId));
      case 'stop':
        // Whatever of its slip has not left yet must not come out any more (rule 6).
        qrJobs.get(effect.saleId)?.abort();
        return void ask('stop', effect.saleId, client.stop(effect));
      case 'report':
        return void report(effect);
      case 'dispense':
        return void dispense(effect);
      case 'recall-dispenser': {
        const { saleId, dispenseId } = effect;
        return void recall({ saleId, ...(dispenseId === undefined ? {} : { dispenseId }) });
      }
      case 'recover':
        return void recover(effect);
      case 'redeem':
        return void redeem(effect);
      case 'seek-claim':
        seekClaim(effect.code);
        return;
      case 'seek-slips':
        seekSlips();
        return;
      case 'print':
        print(effect);
        return;
      case 'catch-up':
        return void catchUp(effect.since);
      case 'ack':
        return void ack(effect.upTo);
    }
  };
}

function saleOfSlip(effect: PrintEffect): string | undefined {
  switch (effect.slip) {
    case 'day':
    case 'test':
      return undefined;
    case 'reprint':
      return effect.past.saleId;
    default:
      return effect.sale.saleId;
  }
}
