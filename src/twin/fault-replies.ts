// Answers that Midtrans gives when something between it and its caller is out of order, byte for byte as wanted.
import type { FastifyReply } from 'fastify';
import type { Account } from './account.ts';
import { rateLimited, type Answer } from './answers.ts';
import { mappedCode } from './channel-codes.ts';
import type { RequestFault } from './fault-schema.ts';

/** What a proxy in front of Midtrans shows when it is out of order. */
const htmlPage = (status: number): string =>
  `<!DOCTYPE html>\n<html><head><title>${status}</title></head><body><h1>${status}</h1><p>The request could not be satisfied.</p></body></html>\n`;

const jsonType = 'application/json; charset=utf-8';

export function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  return sendWire(reply, onWire(answer));
}

/** Closes the connection without a byte of an answer. */
export function drop(reply: FastifyReply): FastifyReply {
  reply.hijack();
  reply.raw.destroy();
  return reply;
}

/** An answer that is given although nothing was done; undefined when the fault lets the call through. */
export function insteadOfDoing(
  account: Account,
  on: string,
  fault: RequestFault | undefined,
): ((reply: FastifyReply) => FastifyReply) | undefined {
  switch (fault?.kind) {
    case 'drop-before':
      return drop;
    case 'http':
      return (reply) => sendHttp(account, reply, fault);
    case 'body': {
      // A denied charge and a refused refund are about a transaction: they are made where transactions are.
      if (fault.statusCode === '202' && (on === 'charge' || on === 'refund')) return undefined;
      return (reply) => sendAnswer(reply, errorBody(account, fault));
    }
    case 'gopay': {
      const mapped = mappedCode(fault.code, fault.as500);
      if (mapped.kind === 'deny') return undefined;
      return (reply) => sendAnswer(reply, account.error(mapped.code, mapped));
    }
    default:
      return undefined;
  }
}

/** The fault as the account knows it: a GoPay code that denies is a denial with that code. */
export function asAccountFault(fault: RequestFault | undefined): RequestFault | undefined {
  if (fault?.kind !== 'gopay') return fault;
  return { kind: 'body', statusCode: '202', channelCode: fault.code };
}

/** A whole answer, ready for the wire. */
export interface Wire {
  http: number;
  type: string;
  payload: string | Buffer;
}

export function onWire({ http, body }: Answer): Wire {
  return { http, type: jsonType, payload: JSON.stringify(body) };
}

/** Sends what was done, or as much of it as the fault lets through. */
export function afterDoing(
  reply: FastifyReply,
  wire: Wire,
  fault: RequestFault | undefined,
): FastifyReply {
  switch (fault?.kind) {
    case 'drop-after':
      return drop(reply);
    case 'truncate':
      return truncate(reply, wire);
    case 'garble':
      return sendWire(reply, garbled(wire, fault.as));
    default:
      return sendWire(reply, wire);
  }
}

function sendWire(reply: FastifyReply, { http, type, payload }: Wire): FastifyReply {
  return reply.code(http).type(type).send(payload);
}

function firstHalf(payload: string | Buffer): string | Buffer {
  return payload.slice(0, payload.length / 2);
}

/** The length of the whole is promised and half of it is sent. */
function truncate(reply: FastifyReply, { http, type, payload }: Wire): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(http, {
    'content-type': type,
    'content-length': Buffer.byteLength(payload),
  });
  reply.raw.write(firstHalf(payload), () => {
    reply.raw.destroy();
  });
  return reply;
}

function garbled(wire: Wire, as: 'cut' | 'empty' | 'html' | 'text'): Wire {
  switch (as) {
    case 'cut':
      return { ...wire, payload: firstHalf(wire.payload) };
    case 'empty':
      return { ...wire, payload: '' };
    case 'html':
      return { http: 200, type: 'text/html', payload: htmlPage(200) };
    case 'text':
      return { http: 200, type: jsonType, payload: '"OK"' };
  }
}

function sendHttp(
  account: Account,
  reply: FastifyReply,
  fault: RequestFault & { kind: 'http' },
): FastifyReply {
  const { status, retryAfterS, location } = fault;
  if (retryAfterS !== undefined) reply.header('retry-after', `${retryAfterS}`);
  if (location !== undefined) reply.header('location', location);
  if (fault.html === true) {
    const page = typeof fault.body === 'string' ? fault.body : htmlPage(status);
    return reply.code(status).type('text/html').send(page);
  }
  const body = fault.body ?? (status === 429 ? rateLimited.body : account.error(`${status}`).body);
  return sendWire(reply, { http: status, type: jsonType, payload: JSON.stringify(body) });
}

function errorBody(account: Account, fault: RequestFault & { kind: 'body' }): Answer {
  const { statusCode, channelCode, message, http, bare } = fault;
  const said = channelCode === undefined ? undefined : `GoPay channel error ${channelCode}`;
  const text = message ?? said;
  const answer = account.error(statusCode, text === undefined ? {} : { message: text });
  const { id, ...withoutId } = answer.body;
  return { http: http ?? answer.http, body: bare === true ? withoutId : { ...withoutId, id } };
}
