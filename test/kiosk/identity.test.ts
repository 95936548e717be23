// Why there is no identity, in words that mend it; and the key of an enrolment: the same until its answer is kept, and never that of another life.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  endEnrolment,
  enrolmentKey,
  hasIdentity,
  readIdentity,
  writeIdentity,
} from '../../src/kiosk/identity.ts';
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

test('an identity that may not be looked at is not one that is missing', () => {
  expect(hasIdentity(folder)).toBe(false);
  const denied = (): never => {
    throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  };
  expect(() => hasIdentity(folder, denied)).toThrow(
    expect.objectContaining({ code: 'permission-denied' }),
  );
});

const refused = (): unknown => {
  try {
    return readIdentity(folder);
  } catch (error) {
    return error;
  }
};

test('without a file the machine is not enrolled', () => {
  expect(refused()).toMatchObject({ code: 'not-enrolled' });
});

test.each(['', '{"a":', '{}', 'null'])('a file with %j is damaged: enrol again', (text) => {
  writeFileSync(join(folder, 'identity.json'), text);
  expect(refused()).toMatchObject({
    code: 'not-enrolled',
    message: expect.stringContaining('is damaged; enrol again') as string,
  });
});

test('a file that may not be read is not a machine without identity', () => {
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
  const read = (): never => {
    throw denied;
  };
  expect(() => readIdentity(folder, read)).toThrow(
    expect.objectContaining({
      code: 'permission-denied',
      message: expect.stringContaining('sudo') as string,
    }),
  );
});

test('what is no file is told as it is', () => {
  mkdirSync(join(folder, 'identity.json'));
  expect(refused()).toMatchObject({ code: 'EISDIR' });
});
