// A printer at the end of any byte port. It claims `printed` only with the printer's own word for it, and a job that
// ends in any other way ends the connection and takes the rest of it back, so that it does not come out later.
import { DeviceError, type Health, type PrintDocument, type Printer } from '../device.ts';
import type { PrintOutcome } from '../device.ts';
import type { BytePort, OpenLine } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { encodeDocument, hasQr } from './escpos.ts';
import { owedBytes, sendPieces } from './pieces.ts';
import type { PrinterProfile, ProofWay } from './profiles.ts';
import { behindSlip, promptly, proofRequests, Replies } from './replies.ts';
import { faultWords, worstFault, type PrinterStatus, type StatusFault } from './status.ts';

/** From the first byte to the proof. A slip takes 2 s at 19,200 baud; a long receipt on a slow head 10 s. */
const defaultJobTimeoutMs = 20_000;

export interface PortPrinterOptions {
  name: string;
  connect: OpenLine;
  profile: PrinterProfile;
  clock: Clock;
  jobTimeoutMs?: number;
}

export class PortPrinter implements Printer {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  /** Present where the profile says that the printer can be asked. */
  readonly paper?: NonNullable<Printer['paper']>;
  readonly #options: PortPrinterOptions;
  readonly #replies: Replies;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #gone = new AbortController();
  #port: BytePort | undefined;
  #state: Health['state'] = 'opening';
  #limit: StatusFault | 'paper-low' | undefined;
  #busy = false;
  /** Whether it answered when it was last asked; a mute printer's proof is not waited for. */
  #answering: boolean;
  /** The printer may still be inside of a command that an earlier connection did not finish. */
  #fresh = true;

  constructor(options: PortPrinterOptions) {
    this.#options = options;
    this.#replies = new Replies(options.clock);
    this.name = options.name;
    this.closed = this.#ended.promise;
    this.#answering = options.profile.status !== 'none';
    if (this.#answering) this.paper = async (signal) => this.#paper(signal);
  }

  async open(signal: AbortSignal): Promise<void> {
    const onBytes = (bytes: Uint8Array): void => {
      this.#replies.take(bytes);
    };
    const port = await this.#options.connect(onBytes, signal);
    void port.closed.then((error) => {
      this.#end(error);
    });
    if (this.#options.profile.clearsBuffer) await this.#clear(port, signal);
    if (this.#closed() || signal.aborted) {
      await port.close();
      throw new DeviceError('canceled', `${this.name} was closed while it opened`);
    }
    this.#port = port;
    this.#state = 'up';
  }

  /** What an earlier connection left in the printer must not come out: it may be a QR that nobody may pay any more. */
  async #clear(port: BytePort, signal: AbortSignal): Promise<void> {
    const is = await this.#replies.clear(port, AbortSignal.any([signal, this.#gone.signal]));
    this.#fresh = is !== 'cleared';
    if (is !== 'stuck' || signal.aborted || this.#closed()) return;
    // Taken later it would fall into the middle of a slip.
    await port.close('drop');
    throw new DeviceError('timeout', `${this.name} takes nothing; switch it off and on`);
  }

  #closed(): boolean {
    return this.#state === 'down';
  }

  async close(): Promise<void> {
    // In the middle of a job the rest of it is void.
    const rest = this.#busy ? 'drop' : 'deliver';
    this.#end(undefined);
    await this.#port?.close(rest);
  }

  health(): Health {
    if (this.#state !== 'up' || this.#limit === undefined) return { state: this.#state };
    const low = this.#limit === 'paper-low';
    const words = this.#limit === 'paper-low' ? 'its paper is low' : faultWords[this.#limit];
    const detail = `${this.name}: ${words}`;
    return low ? { state: 'up', detail } : { state: 'up', fault: 'hardware', detail };
  }

  async print(document: PrintDocument, signal: AbortSignal): Promise<PrintOutcome> {
    const port = this.#port;
    if (port === undefined || this.#state !== 'up') {
      return failed(new DeviceError('disconnected', `${this.name} is not open`));
    }
    if (this.#busy) return failed(new DeviceError('busy', `${this.name} is printing already`));
    this.#busy = true;
    try {
      return await this.#job(port, document, signal);
    } finally {
      this.#busy = false;
    }
  }

  async #job(port: BytePort, document: PrintDocument, signal: AbortSignal): Promise<PrintOutcome> {
    const { profile, clock } = this.#options;
    let slip: Uint8Array;
    try {
      slip = encodeDocument(document, profile);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      return failed(new DeviceError('protocol', `${this.name}: ${cause.message}`, { cause }));
    }
    const refusal = await this.#refusal(
      port,
      document,
      AbortSignal.any([signal, this.#gone.signal]),
    );
    if (refusal !== undefined) return failed(refusal);
    const over = new AbortController();
    const cancelDeadline = clock.after(this.#jobTimeoutMs(), () => {
      over.abort();
    });
    const limit = AbortSignal.any([signal, over.signal, this.#gone.signal]);
    try {
      const proven = (await this.#send(port, slip, limit)) && (await this.#proof(port, limit));
      if (proven) return { result: 'printed' };
      // Without proof the rest, if there is one, must not come out later. A printer that proves nothing got it all.
      if (limit.aborted || this.#provable()) await this.#voidJob(signal.aborted);
      return { result: 'unknown' };
    } finally {
      cancelDeadline();
    }
  }

  /**
   * Why not to send a single byte of the slip. Paper that comes back later would print whatever the printer holds, and
   * nobody can take that away from it. A receipt is sent to a printer that is mute to DLE EOT; a QR is not.
   */
  async #refusal(
    port: BytePort,
    document: PrintDocument,
    limit: AbortSignal,
  ): Promise<DeviceError | undefined> {
    if (this.#options.profile.status !== 'none') {
      try {
        const fault = worstFault(await this.#status(port, limit));
        if (fault !== undefined) return this.#hardware(fault);
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        const inTurn = this.#options.profile.status !== 'dle-eot'; // Then mute means: it cannot print now.
        if (inTurn || hasQr(document) || this.#state !== 'up') return error;
      }
      const refusal = await this.#unproven(port, limit);
      if (refusal !== undefined && !limit.aborted) return refusal;
    }
    return limit.aborted ? new DeviceError('canceled', `${this.name}: called off`) : undefined;
  }

  /** Why a proof of the slip would prove nothing. */
  async #unproven(port: BytePort, limit: AbortSignal): Promise<DeviceError | undefined> {
    const { proof } = this.#options.profile;
    if (!this.#provable() || proof === 'none' || this.#replies.settled) return undefined;
    const status = await this.#settle(port, proof, limit);
    if (status === undefined) {
      return new DeviceError('timeout', `${this.name} does not answer in its turn`);
    }
    const fault = worstFault(status);
    return fault === undefined ? undefined : this.#hardware(fault);
  }

  /**
   * Sees to it that no answer to an earlier question can pass for the next one; the status, or undefined where that is
   * not certain. What an earlier connection left in a printer that cannot be emptied ends with a question, which is
   * answered when the old slip is out.
   */
  async #settle(
    port: BytePort,
    way: Exclude<ProofWay, 'none'>,
    limit: AbortSignal,
  ): Promise<PrinterStatus | undefined> {
    let status = this.#fresh ? await this.#replies.settle(port, way, promptly, limit) : undefined;
    if (status === undefined && !limit.aborted) {
      if (this.#fresh) void port.write(owedBytes).catch(() => undefined); // Seen by its answer.
      this.#fresh = false;
      status = await this.#replies.settle(port, way, behindSlip, limit);
    }
    if (status !== undefined) this.#fresh = false; // Who answers in its turn is inside of no command.
    return status;
  }

  /** Whether every byte was accepted before the limit. */
  async #send(port: BytePort, slip: Uint8Array, limit: AbortSignal): Promise<boolean> {
    const fresh = this.#fresh;
    this.#fresh = false;
    if (fresh && !(await sendPieces(port, owedBytes, limit))) return false;
    return sendPieces(port, slip, limit);
  }

  /** A mute printer's proof is not waited for. */
  #provable(): boolean {
    return this.#answering && this.#options.profile.proof !== 'none';
  }

  /** Whether the printer itself says, after the cut, that it has worked off the job and is well. */
  async #proof(port: BytePort, limit: AbortSignal): Promise<boolean> {
    const { proof, status } = this.#options.profile;
    if (!this.#provable() || proof === 'none') return false;
    const answer = this.#replies.inTurn(proof, this.#jobTimeoutMs(), limit);
    if (!(await this.#send(port, proofRequests[proof], limit))) return false;
    const at = await answer;
    if (at === undefined || worstFault(at) !== undefined) return false;
    if (status !== 'dle-eot') return true;
    try {
      return worstFault(await this.#status(port, limit)) === undefined;
    } catch (error) {
      if (error instanceof DeviceError) return false;
      throw error;
    }
  }

  /** What has not reached the printer is taken back with the line; `supervise` opens it again. */
  async #voidJob(calledOff: boolean): Promise<void> {
    const why = calledOff ? 'was called off' : 'did not end in time';
    // The line first: whoever hears of the end closes it again, and the first word on the rest counts.
    const dropped = this.#port?.close('drop');
    this.#end(new DeviceError(calledOff ? 'canceled' : 'timeout', `${this.name}: a job ${why}`));
    await dropped;
  }

  async #paper(signal: AbortSignal): Promise<'ok' | 'low' | 'out' | 'cover-open'> {
    const port = this.#port;
    if (port === undefined || this.#state !== 'up') {
      throw new DeviceError('disconnected', `${this.name} is not open`);
    }
    // A question in the middle of a picture would become part of it.
    if (this.#busy) throw new DeviceError('busy', `${this.name} is printing`);
    this.#busy = true;
    try {
      const status = await this.#status(port, signal);
      const fault = worstFault(status);
      if (fault === 'cover-open') return fault;
      if (fault === 'paper-out') return 'out';
      if (fault !== undefined) throw this.#hardware(fault);
      return status.paperLow ? 'low' : 'ok';
    } finally {
      this.#busy = false;
    }
  }

  /** @throws DeviceError `timeout` when it does not answer, `canceled` after an abort. */
  async #status(port: BytePort, signal: AbortSignal): Promise<PrinterStatus> {
    const way = this.#options.profile.status;
    const limit = AbortSignal.any([signal, this.#gone.signal]);
    const settle = (way === 'asb' || way === 'gs-r') && !this.#replies.settled;
    const status = settle
      ? await this.#settle(port, way, limit)
      : await this.#replies.status(port, way, limit);
    if (status === undefined) {
      if (this.#state !== 'up') throw new DeviceError('disconnected', `${this.name} is gone`);
      if (signal.aborted) throw new DeviceError('canceled', `${this.name}: called off`);
      this.#answering = false;
      throw new DeviceError('timeout', `${this.name} does not answer when asked for its status`);
    }
    this.#answering = true;
    this.#limit = worstFault(status) ?? (status.paperLow ? 'paper-low' : undefined);
    return status;
  }

  #jobTimeoutMs(): number {
    return this.#options.jobTimeoutMs ?? defaultJobTimeoutMs;
  }

  #hardware(fault: StatusFault): DeviceError {
    return new DeviceError('hardware', `${this.name}: ${faultWords[fault]}`, { reason: fault });
  }

  #end(error: DeviceError | undefined): void {
    this.#state = 'down';
    this.#gone.abort();
    this.#ended.resolve(error);
  }
}

function failed(error: DeviceError): PrintOutcome {
  return { result: 'failed', error };
}
