// Every error of the API as an RFC 9457 problem document with our code. Says nothing of the inside: the log does.
import { type FastifyError, type FastifyReply, type FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { type Log } from '../lib/log.ts';
import { type Problem } from '../protocol/api.ts';
import { errors, KiosError, type ErrorCode } from '../protocol/errors.ts';

/** Media type of problem documents (RFC 9457 §3). */
export const problemType = 'application/problem+json';
const maxDetail = 1000;
/** Where a limit does not say itself when it is over. */
const retryAfterS = 10;

/** Builds the document for a code. */
export function problemOf(
  code: ErrorCode,
  ledgerId: string,
  more: { detail?: string; instance?: string; time?: string } = {},
): Problem {
  return {
    type: `urn:kios:error:${code}`,
    title: errors[code].means,
    status: errors[code].http,
    code,
    ledgerId,
    ...more,
  };
}

/** Answers with a problem document. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.status(problem.status).type(problemType).send(JSON.stringify(problem));
}

/** Which of our codes an error of a route, of the framework or of the store is. */
export function codeOf(error: FastifyError | KiosError | Error): {
  code: ErrorCode;
  detail: string;
} {
  if (error instanceof KiosError && errors[error.code].http !== 0) {
    return { code: error.code, detail: error.message };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const faults = error.validation.map((fault) => `${fault.instancePath} ${fault.message ?? ''}`);
    return { code: 'bad-request', detail: faults.join('; ').slice(0, maxDetail) };
  }
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (status === 413) return { code: 'too-large', detail: 'the body is above the limit' };
  if (status === 429) return { code: 'rate-limited', detail: 'wait as Retry-After says' };
  if (status === 404) return { code: 'not-found', detail: 'nothing here' };
  if (status !== undefined && status >= 400 && status < 500) {
    return { code: 'bad-request', detail: error.message.slice(0, maxDetail) };
  }
  if (isStoreError(error)) return { code: 'store-down', detail: 'try again soon' };
  return { code: 'internal', detail: 'the log has it under the same instance' };
}

/** PostgreSQL's come as ours, node:sqlite marks its own; a store that was closed is down as well. */
export function isStoreError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof KiosError) return error.code === 'store-down';
  return (
    ('code' in error && error.code === 'ERR_SQLITE_ERROR') ||
    /driver has already been destroyed|database is not open/.test(error.message)
  );
}

/** The one error handler of the app. */
export function answerError(log: Log, ledgerId: string) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { code, detail } = codeOf(error);
    if (errors[code].http >= 500) {
      log.error(
        { id: request.id, route: request.routeOptions.url, error: error.stack },
        'http.failed',
      );
    }
    if (code === 'rate-limited' && !reply.hasHeader('retry-after')) {
      reply.header('retry-after', retryAfterS);
    }
    const instance = `urn:kios:request:${request.id}`;
    return sendProblem(reply, problemOf(code, ledgerId, { detail, instance }));
  };
}
