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
  return refuse(parsed.error.issues.map((issue) => explain(issue, [])).join('; '));
}

type Issue = z.core.$ZodIssue;

/** The field by its whole path and what is wrong with it. */
function explain(issue: Issue, at: readonly PropertyKey[]): string {
  const path = [...at, ...issue.path];
  const name = (more: readonly PropertyKey[]): string => more.map(String).join('.') || 'the body';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${name([...path, key])}: there is no such field`).join('; ');
  }
  if (issue.code === 'invalid_union') {
    // The alternative that fits best is the one whose faults lie deepest.
    const depth = (issues: readonly Issue[]): number =>
      Math.max(...issues.map((each) => each.path.length), 0);
    const deepest = Math.max(...issue.errors.map(depth), 0);
    const fitting = issue.errors.filter((each) => depth(each) === deepest && each.length > 0);
    if (deepest > 0) {
      const said = fitting.map((each) => each.map((one) => explain(one, path)).join('; '));
      return said.join(', or ');
    }
  }
  return `${name(path)}: ${issue.message}`;
}
