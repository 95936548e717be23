// Who the bench page answers.
import { expect, test } from 'vitest';
import { refusal, securityHeaders } from '../../src/bench/guard.ts';

const port = 4321;
const own = 'http://127.0.0.1:4321';

test.each([
  ['GET', '127.0.0.1:4321', undefined],
  ['GET', 'localhost:4321', undefined],
  ['POST', '127.0.0.1:4321', own],
  ['POST', 'localhost:4321', 'http://localhost:4321'],
])('%s with host %s and origin %s is answered', (method, host, origin) => {
  expect(refusal({ method, host, origin }, port)).toBeUndefined();
});

test.each([
  ['GET', 'evil.example:4321', undefined],
  ['GET', '127.0.0.1:9999', undefined],
  ['GET', '127.0.0.1', undefined],
  ['GET', undefined, undefined],
  ['POST', '127.0.0.1:4321', undefined],
  ['POST', '127.0.0.1:4321', 'null'],
  ['POST', '127.0.0.1:4321', 'http://evil.example'],
  ['POST', '127.0.0.1:4321', 'https://127.0.0.1:4321'],
  ['DELETE', '127.0.0.1:4321', 'http://localhost:4321'],
])('%s with host %s and origin %s is refused', (method, host, origin) => {
  expect(refusal({ method, host, origin }, port)).toBeTypeOf('string');
});

test('the page may load nothing from elsewhere and run nothing inline', () => {
  const policy = securityHeaders['content-security-policy'] ?? '';
  expect(policy).toMatch(/^default-src 'none'/);
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
});
