// A kiosk's commands between a relay that is a list and deeds that are words: real signatures, a real file, a clock that
// stands until it is moved.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { z } from 'zod';
import { Commands, type Deeds } from '../../src/kiosk/commands.ts';
import { readMemory } from '../../src/kiosk/commands-memory.ts';
import { trustedKeys } from '../../src/kiosk/identity.ts';
import type { Answer } from '../../src/kiosk/relay-client.ts';
import { openCommand } from '../../src/protocol/command.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { identityFor, sign } from './signer.ts';

export const relayStartMs = Date.UTC(2026, 10, 22, 12);
const lifeMs = 600_000;

/** How a command differs from a plain one. */
export interface Given {
  commandId?: string;
  argument?: unknown;
  whenIdle?: boolean;
  kioskId?: string;
  env?: string;
  /** From now. */
  deadlineInMs?: number;
  /** From now. */
  givenMs?: number;
}

export class CommandDesk {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'kios-commands-'));
  readonly clock = new VirtualClock(relayStartMs);
  /** What the relay has heard: `<command> <outcome>: <why>`. */
  heard: string[] = [];
  hears = true;
  /** What waits at the relay. */
  offered: string[] = [];
  /** What was done, by name. */
  done: string[] = [];
  idle = true;
  relayAheadMs: number | undefined = relayStartMs;
  bootId = 'boot-1';
  changes = 0;
  counted = 0;
  /** Requests that the kiosk sent. */
  asked = 0;
  readonly #lines: string[] = [];
  readonly deeds: Deeds = {
    restart: () => {
      this.done.push('restart');
      return Promise.resolve('ends');
    },
    'test-print': () => this.#does('test-print'),
    'send-bundle': () => this.#does('send-bundle'),
  };
  commands = this.#live();
  #given = 0;

  /** The process ends, and a new one begins on the same folder. */
  restart(): void {
    this.commands.stop();
    this.commands = this.#live();
  }

  close(): void {
    this.commands.stop();
    rmSync(this.stateDir, { recursive: true, force: true });
  }

  /** By the relay's clock. */
  nowMs(): number {
    return this.clock.monotonicMs() + relayStartMs;
  }

  /** How often the kiosk has logged this. */
  logged(message: string): number {
    return this.#lines.filter((line) => line.includes(`"${message}"`)).length;
  }

  remembered(): number {
    return readMemory(this.stateDir)?.obeyed.length ?? 0;
  }

  async command(name: string, more: Given = {}): Promise<string> {
    const { deadlineInMs = lifeMs, givenMs = 0, argument, ...rest } = more;
    return sign('kios-command', {
      ...{ env: 'sandbox', kioskId: 'ksk01', name, whenIdle: false },
      commandId: `command-${String(++this.#given).padStart(4, '0')}`,
      ...(argument === undefined ? {} : { argument }),
      deadline: new Date(this.nowMs() + deadlineInMs).toISOString(),
      iat: Math.floor((this.nowMs() + givenMs) / 1000),
      ...rest,
    });
  }

  async take(token: string): Promise<void> {
    await this.commands.take(token);
    await this.commands.settled();
  }

  #live(): Commands {
    const keys = trustedKeys(identityFor('https://relay.example'));
    const { stateDir, bootId, clock, deeds } = this;
    const log = pino({}, { write: (line) => void this.#lines.push(line) });
    const commands = new Commands({
      ...{ stateDir, bootId, clock, deeds, log, random: () => 0 },
      memory: readMemory(stateDir),
      client: { ask: (method, path, body, shape) => this.#ask(method, path, body, shape) },
      open: (token) => openCommand(token, { kioskId: 'ksk01', environment: 'sandbox' }, keys),
      relayMs: () =>
        this.relayAheadMs === undefined ? undefined : clock.monotonicMs() + this.relayAheadMs,
      idle: () => this.idle,
      changed: () => {
        this.changes++;
      },
      counted: () => {
        this.counted++;
      },
    });
    commands.start();
    return commands;
  }

  #does(name: string): Promise<{ outcome: 'done'; why: string }> {
    this.done.push(name);
    return Promise.resolve({ outcome: 'done', why: name });
  }

  #ask<T>(method: string, path: string, body: unknown, shape: z.ZodType<T>): Promise<Answer<T>> {
    this.asked++;
    if (!this.hears) {
      const failure = { kind: 'lost', code: 'relay-unreachable' } as const;
      return Promise.resolve({ ok: false, failure });
    }
    if (method === 'GET') {
      const value = shape.parse({ commands: this.offered.map((token) => ({ token })) });
      return Promise.resolve({ ok: true, value });
    }
    const { outcome, why } = body as { outcome: string; why: string };
    this.heard.push(`${path.split('/')[3] ?? ''} ${outcome}: ${why}`);
    return Promise.resolve({ ok: true, value: shape.parse({ known: true }) });
  }
}
