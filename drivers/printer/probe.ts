// Finds out once which questions a printer answers, and so what it can prove. Prints nothing that it knows; a printer
// that does not know a question may put a character of it on paper.
import { DeviceError } from '../device.ts';
import type { OpenLine } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { ProofWay, StatusWay } from './profiles.ts';
import { Replies } from './replies.ts';
import { faultWords, worstFault } from './status.ts';

/** What the configuration keeps of it. */
export interface PrinterAnswers {
  status: StatusWay;
  proof: ProofWay;
  clearsBuffer: boolean;
}

/**
 * Asks each question once, and waits 500 ms for each answer.
 * @throws DeviceError what opening does; `hardware` when it cannot print now, so that it would not answer in its turn;
 *   `disconnected` when it went away meanwhile
 */
export async function probePrinter(
  open: OpenLine,
  clock: Clock,
  signal: AbortSignal,
): Promise<PrinterAnswers> {
  const replies = new Replies(clock);
  const port = await open((bytes) => {
    replies.take(bytes);
  }, signal);
  let lost: DeviceError | undefined;
  void port.closed.then((error) => (lost = error));
  try {
    const realTime = await replies.status(port, 'dle-eot', signal);
    const fault = realTime === undefined ? undefined : worstFault(realTime);
    if (fault !== undefined) {
      throw new DeviceError(
        'hardware',
        `it cannot print now: ${faultWords[fault]}; mend that first`,
        {
          reason: fault,
        },
      );
    }
    const inTurn = await replies.status(port, 'gs-r', signal);
    const automatic = await replies.status(port, 'asb', signal);
    const clear = await replies.clear(port, signal);
    if (lost !== undefined) throw lost;
    const proof = inTurn !== undefined ? 'gs-r' : automatic !== undefined ? 'asb' : 'none';
    const asked = automatic !== undefined ? 'asb' : proof;
    const status = realTime !== undefined ? 'dle-eot' : asked;
    return { status, proof, clearsBuffer: clear === 'cleared' };
  } finally {
    await port.close(); // It took every question, or what it did not take is no slip.
  }
}
