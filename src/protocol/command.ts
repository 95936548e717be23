// What an operator may ask of a kiosk from afar (PROTOCOL.md §9): the names, what each takes, and the bodies that carry
// command and result. Nothing of it is about money: a command moves no goods and ends no sale. Computes, does no I/O.
import { z } from 'zod';
import { environment } from './api.ts';
import { KiosError } from './errors.ts';
import { kioskId } from './ids.ts';
import { cleanedText, plainText } from './plain-text.ts';
import { openProof, type TrustedKeys } from './proof.ts';
import { maxWhy, requestId } from './root-request.ts';
import { commandMessage } from './topics.ts';

/** Every command that there is; a kiosk refuses the rest. */
export const commandNames = [
  'restart',
  'reload-config',
  'send-bundle',
  'test-print',
  'show-message',
  'out-of-service',
  'in-service',
  'console-on',
  'console-off',
] as const;
export type CommandName = (typeof commandNames)[number];

/** Longest life of a command: so long a kiosk may be off and still obey it, and so long it remembers that it did. */
export const maxCommandLifeMs = 7 * 24 * 3_600_000;
/** Of one kiosk, unanswered and not over. */
export const maxOpenCommands = 20;
/** Longest time that a message stands on the screen, seconds. */
export const maxMessageS = 24 * 3_600;

/** `show-message`: plain text on the idle screen, from the moment that it is obeyed. */
export const messageArgument = z.strictObject({
  text: plainText(120, 1),
  forS: z.int().min(10).max(maxMessageS),
});
export type MessageArgument = z.infer<typeof messageArgument>;

/** What the relay signs, header `typ: kios-command`. */
export const commandClaims = z.object({
  env: environment,
  kioskId,
  commandId: requestId,
  name: z.string().max(32),
  argument: z.unknown().optional(),
  /** By the relay's clock: nothing is done from here on. */
  deadline: z.iso.datetime(),
  /** It waits for the moment in which nobody is served; without it what needs that moment is refused at any other. */
  whenIdle: z.boolean(),
  /** When the operator gave it, seconds. */
  iat: z.int(),
});
export type CommandClaims = z.infer<typeof commandClaims>;

/** `GET /v1/commands`: what waits for this kiosk, oldest first. */
export const commandsAnswer = z.object({ commands: z.array(commandMessage).max(maxOpenCommands) });

/** `refused`: it will never be done. `failed`: it was tried, or nobody can say. */
export const commandOutcomes = ['done', 'refused', 'failed'] as const;
/** `POST /v1/commands/{commandId}/result`. A label for a person: no money hangs on it, so it carries no signature. */
export const commandResultBody = z.strictObject({
  outcome: z.enum(commandOutcomes),
  /** For a person, in English, without secrets. */
  why: cleanedText(maxWhy),
});
export type CommandResult = z.infer<typeof commandResultBody>;
/** `known: false`: this relay has no such command of this kiosk, and wants to hear no more of it. */
export const commandResultAnswer = z.object({ known: z.boolean() });
export const commandParams = z.object({ commandId: requestId });

export function isCommandName(name: string): name is CommandName {
  return commandNames.some((one) => one === name);
}

/** Why this argument does not go with this command; undefined: it does. */
export function argumentFault(name: CommandName, argument: unknown): string | undefined {
  if (name !== 'show-message') {
    return argument === undefined ? undefined : `${name} takes no argument`;
  }
  const parsed = messageArgument.safeParse(argument);
  return parsed.success ? undefined : 'show-message takes { text, forS }';
}

/**
 * Checks that the relay has signed this command, for this kiosk. Whether it may still be obeyed is the kiosk's to judge.
 * @throws KiosError `bad-proof`, or `not-yours` for another kiosk's
 */
export async function openCommand(
  token: string,
  expected: { kioskId: string; environment: string },
  keys: TrustedKeys,
): Promise<CommandClaims> {
  const claims = await openProof(token, 'kios-command', commandClaims, keys);
  if (claims.kioskId !== expected.kioskId || claims.env !== expected.environment) {
    throw new KiosError('not-yours', 'the command is for another kiosk');
  }
  return claims;
}
