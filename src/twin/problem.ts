// Answers of the twin's own paths that say no: RFC 9457 problem documents, and the reading of JSON bodies that may need one.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Problem } from '../protocol/api.ts';

const maxDetail = 1000;

/** `detail` is for a person. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  code: string,
  detail: string,
): FastifyReply {
  const problem: Problem = {
    type: 'about:blank',
    title: code,
    status,
    code,
    detail: detail.slice(0, maxDetail),
  };
  return reply.code(status).type('application/problem+json').send(JSON.stringify(problem));
}

export type ReadJson<T> = { ok: true; value: T } | { ok: false; reply: FastifyReply };

/** The body as the schema has it, or the answer that says what is wrong with it (already sent). */
export function readJson<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  schema: z.ZodType<T>,
): ReadJson<T> {
  const refuse = (detail: string): ReadJson<T> => ({
    ok: false,
    reply: sendProblem(reply, 400, 'bad-request', detail),
  });
  let json: unknown;
  try {
    json = JSON.parse(typeof request.body === 'string' ? request.body : '');
  } catch (error) {
    if (error instanceof SyntaxError) return refuse('the body is not JSON');
    throw error;
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  return refuse(
    parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
  );
}
