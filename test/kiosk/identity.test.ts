// The key of an enrolment: the same until its answer is kept, and never that of another life.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endEnrolment, enrolmentKey, writeIdentity } from '../../src/kiosk/identity.ts';
import { identityFor } from './signer.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-identity-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('an answer that was lost is asked for with the same key; the next enrolment has another', () => {
  const { privateKeyPem } = enrolmentKey(folder);
  expect(enrolmentKey(folder).privateKeyPem).toBe(privateKeyPem);
  endEnrolment(folder);
  expect(enrolmentKey(folder).privateKeyPem).not.toBe(privateKeyPem);
});

test('so it is also after a power cut between the answer and its end', () => {
  const { privateKeyPem } = enrolmentKey(folder);
  writeIdentity(folder, { ...identityFor('http://127.0.0.1:1'), privateKeyPem });
  const next = enrolmentKey(folder);
  expect(next.privateKeyPem).not.toBe(privateKeyPem);
  expect(enrolmentKey(folder)).toEqual(next);
});
