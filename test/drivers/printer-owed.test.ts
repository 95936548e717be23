// A printer that still owes answers to old questions: none of them may pass for the proof of the next slip.
import { afterEach, expect, test } from 'vitest';
import type { BytePort } from '../../drivers/ports.ts';
import { PortPrinter } from '../../drivers/printer/port-printer.ts';
import { profileOf, type LearnedAnswers } from '../../drivers/printer/profiles.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { budgetSlip, receipt } from './printer-slips.ts';

const never = new AbortController().signal;
const opened: PortPrinter[] = [];
afterEach(async () => {
  for (const printer of opened.splice(0)) await printer.close();
});

const hex = {
  /** GS r 1, and what its answer says: paper is there. */
  'gs-r': { request: '1d7201', answer: '00' },
  asb: { request: '1d610e1d6100', answer: '1400000f' },
} as const;

/**
 * A printer whose head is slow: it is well whenever it is asked at any time, and answers in its turn, behind each slip
 * in its buffer. A line that is closed leaves the buffer as it is.
 */
class SlowHead {
  /** Slips that have come out. */
  out = 0;
  /** Works nothing off. */
  standing = false;
  readonly #way: keyof typeof hex;
  #held = '';
  #answer: (bytes: Uint8Array) => void = () => undefined;

  constructor(way: keyof typeof hex) {
    this.#way = way;
  }

  /** Questions that it holds and has not answered. */
  get questions(): number {
    return this.#held.split(hex[this.#way].request).length - 1;
  }

  get holdsSlip(): boolean {
    return /[^0]/.test(this.#held.replaceAll(hex[this.#way].request, ''));
  }

  /** One slip comes out, and the questions behind it are answered. */
  printOne(): void {
    const end = this.#held.indexOf(hex[this.#way].request);
    expect(end).toBeGreaterThan(0);
    this.#held = this.#held.slice(end);
    this.out += 1;
    this.workOff();
  }

  /** Answers the questions that stand before the next slip. */
  workOff(): void {
    const { request, answer } = hex[this.#way];
    for (;;) {
      this.#held = this.#held.replace(/^(?:00)+/, '');
      if (!this.#held.startsWith(request)) return;
      this.#held = this.#held.slice(request.length);
      this.#answer(Buffer.from(answer, 'hex'));
    }
  }

  connect = async (onBytes: (bytes: Uint8Array) => void): Promise<BytePort> => {
    this.#answer = onBytes;
    const closed = Promise.withResolvers<undefined>();
    const write = async (bytes: Uint8Array): Promise<void> => {
      await Promise.resolve();
      if (bytes[0] === 0x10 && bytes[1] === 0x04) {
        onBytes(Uint8Array.of(0x12));
        return;
      }
      this.#held += Buffer.from(bytes).toString('hex');
      if (!this.standing) this.workOff();
    };
    const close = async (): Promise<void> => {
      closed.resolve(undefined);
      return Promise.resolve();
    };
    return Promise.resolve({ closed: closed.promise, write, close });
  };
}

async function open(head: SlowHead, answers: LearnedAnswers): Promise<PortPrinter> {
  const profile = profileOf({ profile: 'generic-58', ...answers });
  const printer = new PortPrinter({
    ...{ name: 'slow', connect: head.connect, profile, clock: systemClock, jobTimeoutMs: 1000 },
  });
  opened.push(printer);
  await printer.open(never);
  return printer;
}

const ways = [
  ['dle-eot', 'gs-r'],
  ['dle-eot', 'asb'],
  ['gs-r', 'gs-r'],
  ['asb', 'asb'],
] as const;

test.each(ways)('%s, %s: the proof of an old slip proves no new one', async (status, proof) => {
  const head = new SlowHead(proof);
  const first = await open(head, { status, proof });
  expect(await first.print(budgetSlip, never)).toEqual({ result: 'unknown' });
  const again = await open(head, { status, proof }); // As `supervise` does.
  const second = again.print(budgetSlip, never);
  await expect.poll(() => head.questions).toBe(2);
  head.printOne();
  expect(await second).toEqual({ result: 'unknown' }); // It was sent, and has never come out.
  expect(head.out).toBe(1);
  expect(head.holdsSlip).toBe(true);
});

test.each(ways)(
  '%s, %s: behind an old slip that does not come out, nothing is sent',
  async (status, proof) => {
    const head = new SlowHead(proof);
    const first = await open(head, { status, proof });
    expect(await first.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    const again = await open(head, { status, proof });
    for (const slip of [budgetSlip, receipt]) {
      expect(await again.print(slip, never)).toMatchObject({
        result: 'failed',
        error: { kind: 'timeout' },
      });
    }
    head.printOne();
    expect(head.holdsSlip).toBe(false);
    const third = again.print(budgetSlip, never);
    await expect.poll(() => head.holdsSlip, { timeout: 5000 }).toBe(true);
    await expect.poll(() => head.questions).toBe(1);
    head.printOne();
    expect(await third).toEqual({ result: 'printed' });
  },
);

test.each([
  ['gs-r', 'gs-r'],
  ['asb', 'asb'],
] as const)(
  '%s: however many questions were given up, none of their answers proves a slip',
  async (status, proof) => {
    const head = new SlowHead(proof);
    const printer = await open(head, { status, proof });
    head.standing = true; // Its cover is open.
    expect(await printer.print(receipt, never)).toMatchObject({ result: 'failed' });
    await expect(printer.paper?.(never)).rejects.toMatchObject({ kind: 'timeout' });
    expect(head.holdsSlip).toBe(false);
    expect(head.questions).toBeGreaterThan(1);
    const paper = printer.paper?.(never);
    head.standing = false;
    head.workOff();
    expect(await paper).toBe('ok');
    expect(await printer.print(budgetSlip, never)).toEqual({ result: 'unknown' });
    expect(head.out).toBe(0);
  },
);
