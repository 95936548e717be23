// The MQTT topics of one kiosk and the messages on them (DESIGN.md §5). MQTT 3.1.1, QoS 1. Nothing depends on it alone.
import { z } from 'zod';
import { cleanedText } from './plain-text.ts';

export interface KioskTopics {
  /** relay → kiosk: a sale document. */
  sale: string;
  /** kiosk → relay: everything up to this number is stored. */
  ack: string;
  /** relay → kiosk: a signed command. */
  command: string;
  /** kiosk → relay, retained, also the last will. */
  status: string;
  /** kiosk → itself through the broker: proves that the way is open. */
  echo: string;
}

export function kioskTopics(kioskId: string): KioskTopics {
  const at = (leaf: string): string => `kios/1/${kioskId}/${leaf}`;
  return {
    sale: at('sale'),
    ack: at('ack'),
    command: at('command'),
    status: at('status'),
    echo: at('echo'),
  };
}

/** Which kiosk and which of its topics this is; undefined for a topic that is none of ours. */
export function parseTopic(
  topic: string,
): { kioskId: string; leaf: keyof KioskTopics } | undefined {
  const match = /^kios\/1\/([a-z0-9]{4,9})\/(sale|ack|command|status|echo)$/.exec(topic);
  if (match?.[1] === undefined) return undefined;
  return { kioskId: match[1], leaf: match[2] as keyof KioskTopics };
}

/** Kiosk → relay: every change up to and including `upTo` is on the kiosk's disk. */
export const ackMessage = z.object({ ledgerId: z.string().max(64), upTo: z.int().min(0) });
export type AckMessage = z.infer<typeof ackMessage>;

/** How one part of the kiosk is doing, by the same code that the screen shows. */
export const partHealth = z.object({ ok: z.boolean(), code: z.string().max(64).optional() });

/** Of a configuration from afar: the minute in which it was pushed (UTC, yyyymmddhhmm), or one more than the last. */
export const configVersion = z.int().min(1).max(999_999_999_999);

/** Which configuration from afar a kiosk runs on, and which it will not have. */
export const configReport = z.object({
  /** Left out: that of the machine's own file alone. */
  version: configVersion.optional(),
  /** It has not proved itself yet. */
  trial: z.literal(true).optional(),
  /** A newer one, with the reason for a person. */
  refused: z.object({ version: configVersion, why: cleanedText(300) }).optional(),
});
export type ConfigReport = z.infer<typeof configReport>;

/** Kiosk → relay, retained. `online: false` is the will; a late one is told apart by boot id and connection number. */
export const statusMessage = z.object({
  online: z.boolean(),
  bootId: z.string().max(64),
  connection: z.int().min(0),
  version: z.string().max(32),
  selling: z.boolean().optional(),
  parts: z.record(z.string().max(32), partHealth).optional(),
  /** Commands that did nothing since this start, by why: forged, expired, replayed, … */
  refusedCommands: z.record(z.string().max(32), z.int().min(0)).optional(),
  config: configReport.optional(),
});
export type StatusMessage = z.infer<typeof statusMessage>;

/** Relay → kiosk. `token` is a compact JWS of type `kios-command` over `commandClaims` (command.ts). */
export const commandMessage = z.object({ token: z.string().max(8192) });
