// Calls as a merchant makes them, for the contract: nothing but Midtrans' own paths, each order id new, each charge stopped.
import { createHash, randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { chargeBody } from '../setting.ts';
import type { Target } from './targets.ts';

export const timeText = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/;
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const minuteMs = 60_000;
/** There, whatever it is. */
export const ignored = expect.anything() as unknown;

export interface Answered {
  http: number;
  code: unknown;
  message: unknown;
  body: Record<string, unknown>;
}

export interface Action {
  name: string;
  method: string;
  url: string;
}

export class ContractMerchant {
  readonly #target: Target;
  #charged: string[] = [];

  constructor(target: Target) {
    this.#target = target;
  }

  newOrder(): string {
    return `contract-${randomUUID().slice(0, 18)}`;
  }

  async call(
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answered> {
    await this.#target.pace();
    const response = await fetch(this.#target.base() + path, {
      method,
      headers: {
        authorization: basic(`${this.#target.serverKey}:`),
        accept: 'application/json',
        'content-type': 'application/json',
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const parsed = (await response.json()) as Record<string, unknown>;
    const { status_code: code, status_message: message } = parsed;
    return { http: response.status, code, message, body: parsed };
  }

  /** 15,000 rupiah by qris, unless the body says else. */
  charge(
    orderId: string,
    more: Record<string, unknown> = {},
    headers: Record<string, string> = {},
    amount: unknown = 15000,
  ): Promise<Answered> {
    this.#charged.push(orderId);
    return this.call('POST', '/v2/charge', chargeBody(orderId, more, amount), headers);
  }

  status(id: string): Promise<Answered> {
    return this.call('GET', `/v2/${id}/status`);
  }

  post(id: string, what: string, body?: unknown): Promise<Answered> {
    return this.call('POST', `/v2/${id}/${what}`, body);
  }

  /** Leaves nothing that could still be paid. */
  async stopAll(): Promise<void> {
    for (const orderId of this.#charged) await this.post(orderId, 'cancel');
    this.#charged = [];
  }

  /** The signature that belongs into a body, by the texts in it. */
  signature(body: Record<string, unknown>): string {
    const texts = ['order_id', 'status_code', 'gross_amount'].map((name) => String(body[name]));
    return createHash('sha512')
      .update(texts.join('') + this.#target.serverKey)
      .digest('hex');
  }
}

export function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

export function actionsOf(answered: Answered): Action[] {
  return answered.body['actions'] as Action[];
}

/** Midtrans' times are Jakarta's, without saying so. */
export function jakartaMs(text: unknown): number {
  return Date.parse(`${String(text).replace(' ', 'T')}+07:00`);
}
