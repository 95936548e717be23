// Does what the machine asks for, and posts what came of it. One function an effect; it decides nothing.
import type { Printer, PrintDocument } from '../../drivers/device.ts';
import { wait, type Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { BrokerLink } from './broker-link.ts';
import type { Devices } from './devices.ts';
import type { Answer, RelayClient } from './relay-client.ts';
import type { NewEvent } from './kiosk.ts';
import type { Effect, OpenSale, Part, PartHealth, Request, Told } from './state.ts';

/** After a start the dispenser may still be opening; longer than this it is not there. */
const recallPatienceMs = 10_000;
const recallStepMs = 100;

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
  /** The paper for a slip, with the times of now. */
  slip: (effect: Extract<Effect, { kind: 'print' }>) => PrintDocument;
  signal: AbortSignal;
}

/** Makes the function that the loop calls for each effect. */
export function createPerform(options: EffectsOptions): (effect: Effect) => void {
  const { client, link, devices, clock, log, post, onPart, ledgerId, slip, signal } = options;
  let catchingUp = false;

  const relayAnswered = (answer: Answer<unknown>): void => {
    const down = !answer.ok && answer.failure.kind !== 'refused';
    onPart('relay', down ? { ok: false, code: 'relay-unreachable' } : { ok: true });
  };

  const ask = async (
    request: Exclude<Request, 'report'>,
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
    const { saleId } = effect;
    const answer = await client.report(effect);
    relayAnswered(answer);
    if (answer.ok) post({ kind: 'reported', saleId });
    else post({ kind: 'request-failed', request: 'report', saleId, failure: answer.failure });
  };

  const dispense = async (effect: Extract<Effect, { kind: 'dispense' }>): Promise<void> => {
    const { saleId, amountIdr, items } = effect;
    const device = devices().dispenser.current();
    // Without a connection nothing can have moved.
    const result =
      device === undefined
        ? 'failed'
        : await device.dispense(
            {
              id: saleId,
              amountIdr,
              ...(items.length === 0
                ? {}
                : { items: items.map(({ id, quantity }) => ({ id, quantity })) }),
            },
            signal,
          );
    log.info({ saleId, result }, 'sale.dispensed');
    post({ kind: 'dispensed', saleId, result });
  };

  const recall = async (saleId: string): Promise<void> => {
    const { dispenser } = devices();
    const untilMs = clock.monotonicMs() + recallPatienceMs;
    while (dispenser.current() === undefined && clock.monotonicMs() < untilMs && !signal.aborted) {
      await wait(clock, recallStepMs, signal);
    }
    const result = await askDispenser(saleId);
    log.warn({ saleId, result }, 'sale.recalled');
    post({ kind: 'dispenser-recalled', saleId, result });
  };

  const askDispenser = async (saleId: string): Promise<'done' | 'failed' | 'unknown' | 'never'> => {
    const device = devices().dispenser.current();
    if (device?.lastResult === undefined) return 'unknown';
    try {
      return await device.lastResult(saleId, signal);
    } catch (error) {
      log.warn({ saleId, err: error }, 'dispenser.cannot-say');
      return 'unknown';
    }
  };

  const print = async (effect: Extract<Effect, { kind: 'print' }>): Promise<void> => {
    const { saleId } = effect.sale;
    const result = await printOn(devices().printer?.current(), slip(effect), effect.sale);
    post({ kind: 'printed', slip: effect.slip, saleId, result });
  };

  const printOn = async (
    printer: Printer | undefined,
    document: PrintDocument,
    { saleId }: OpenSale,
  ): Promise<'printed' | 'unknown' | 'failed'> => {
    if (printer === undefined) return 'failed';
    const outcome = await printer.print(document, signal);
    if (outcome.result === 'failed') {
      log.warn(
        { saleId, fault: outcome.error.kind, reason: outcome.error.message },
        'printer.failed',
      );
    }
    return outcome.result;
  };

  const catchUp = async (since: string): Promise<void> => {
    if (catchingUp) return;
    catchingUp = true;
    try {
      const answer = await client.changes(since);
      relayAnswered(answer);
      if (answer.ok) {
        const { told, answer: page } = answer.value;
        post({
          kind: 'caught-up',
          told,
          ledgerId: page.ledgerId,
          upTo: page.upTo,
          more: page.more,
        });
      } else {
        log.warn({ ...answer.failure }, 'relay.catch-up-failed');
      }
    } finally {
      catchingUp = false;
    }
  };

  const ack = async (upTo: number): Promise<void> => {
    if (link()?.ack(ledgerId(), upTo) === true) return;
    // The outbox keeps the row until an acknowledgement arrives, so a failed one costs a repeat and nothing else.
    await client.ack(ledgerId(), upTo);
  };

  return (effect) => {
    switch (effect.kind) {
      case 'charge':
        return void ask('charge', effect.saleId, client.charge(effect));
      case 'look':
        return void ask('look', effect.saleId, client.look(effect.saleId));
      case 'stop':
        return void ask('stop', effect.saleId, client.stop(effect));
      case 'report':
        return void report(effect);
      case 'dispense':
        return void dispense(effect);
      case 'recall-dispenser':
        return void recall(effect.saleId);
      case 'print':
        return void print(effect);
      case 'catch-up':
        return void catchUp(effect.since);
      case 'ack':
        return void ack(effect.upTo);
    }
  };
}
