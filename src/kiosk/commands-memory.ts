// What a kiosk remembers of commands, in one small file: which it has obeyed, what came of them, and what lasts (out of
// service, the message on the screen). A change is on the disk, whole, before anything is done about it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../lib/durable.ts';
import { commandOutcomes } from '../protocol/command.ts';
import { KiosError } from '../protocol/errors.ts';
import { maxWhy, requestId } from '../protocol/root-request.ts';
import { maxRemembered } from './commands-rules.ts';
import { journalFault } from './journal-fault.ts';

const said = z.object({ outcome: z.enum(commandOutcomes), why: z.string().max(maxWhy) });
/** What came of a command. */
export type Said = z.infer<typeof said>;

const obeyed = z.object({
  id: requestId,
  name: z.string().max(32),
  deadlineMs: z.number(),
  /** Left out: it was begun, and the kiosk ended before it could say what came of it. */
  said: said.optional(),
  /** The relay has it. */
  told: z.literal(true).optional(),
});
export type Obeyed = z.infer<typeof obeyed>;

const memory = z.object({
  obeyed: z.array(obeyed).max(maxRemembered),
  /** The latest deadline of those that were forgotten: none that ends sooner is obeyed any more. */
  overMs: z.number(),
  /** Since when it remembers, by the relay's clock. */
  bornMs: z.number(),
  outOfService: z.boolean(),
  /** When the command was given that said so, seconds: an older one changes nothing back. */
  switchedAtS: z.int(),
  /** Its id: of two within one second the higher is the later. Left out by releases before this was kept. */
  switchedBy: requestId.optional(),
  /** Counted on this boot's monotonic clock alone. */
  message: z
    .object({ text: z.string().max(200), bootId: z.string().max(64), untilMs: z.number() })
    .optional(),
  shownAtS: z.int(),
  shownBy: requestId.optional(),
});
export type Memory = z.infer<typeof memory>;

/** @param bornMs by the relay's clock: what was given before is not obeyed, because it may have been obeyed before */
export function newMemory(bornMs: number): Memory {
  return { obeyed: [], overMs: 0, bornMs, outOfService: false, switchedAtS: 0, shownAtS: 0 };
}

const pathIn = (stateDir: string): string => join(stateDir, 'commands.json');

/**
 * Undefined: there is none.
 * @throws KiosError as the journal when it cannot be read, and `journal-damaged` when it is not what was written
 */
export function readMemory(stateDir: string): Memory | undefined {
  const path = pathIn(stateDir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw journalFault(error, path, 'be read');
  }
  try {
    return memory.parse(JSON.parse(text));
  } catch (error) {
    throw new KiosError('journal-damaged', `${path} is damaged`, error);
  }
}

/** @throws KiosError as the journal, when it is not on the disk */
export function writeMemory(stateDir: string, next: Memory): void {
  const path = pathIn(stateDir);
  try {
    writeDurably(path, `${JSON.stringify(next)}\n`);
  } catch (error) {
    throw journalFault(error, path, 'be written');
  }
}
