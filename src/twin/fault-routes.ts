// Faults on demand over HTTP, and the release of notifications that a fault holds back.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Delivery } from './delivery.ts';
import { faultList, type Faults } from './faults.ts';
import { readJson, sendProblem } from './problem.ts';

export interface FaultParts {
  faults: Faults;
  delivery: Delivery;
}

const releaseBody = z.strictObject({ orderId: z.string().max(50).optional() });

export function faultRoutes(app: FastifyInstance, parts: FaultParts): void {
  const { faults, delivery } = parts;
  const waiting = (): object => ({ faults: faults.list() });

  app.get('/_twin/faults', waiting);

  app.post('/_twin/faults', (request, reply) => {
    const body = readJson(request, reply, faultList);
    if (!body.ok) return body.reply;
    if (!faults.add(body.value)) {
      return sendProblem(reply, 409, 'bad-request', 'too many faults wait already');
    }
    return reply.send(waiting());
  });

  app.delete('/_twin/faults', () => {
    faults.clear();
    return waiting();
  });

  app.post('/_twin/notifications/release', (request, reply) => {
    const body = readJson(request, reply, releaseBody);
    if (!body.ok) return body.reply;
    return reply.send({ released: delivery.release(body.value.orderId) });
  });
}
