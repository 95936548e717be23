// A support bundle: bounded, whole whatever fails in it, and without what looks like a secret.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hideSecrets } from '../../src/field/hide-secrets.ts';
import { runTool } from '../../src/field/run-tool.ts';
import { packSupport, supportLimits, type SupportPiece } from '../../src/field/support.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { maxSupportBytes } from '../../src/protocol/support.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-unpack-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function unpack(bundle: Uint8Array): Record<string, string> {
  const archive = join(folder, 'bundle.tar.gz');
  writeFileSync(archive, bundle);
  execFileSync('tar', ['-xzf', archive, '-C', folder]);
  const inside = join(folder, 'kios-support-ksk01');
  return Object.fromEntries(
    readdirSync(inside).map((name) => [name, readFileSync(join(inside, name), 'utf8')]),
  );
}

const pack = async (
  pieces: readonly SupportPiece[],
  limits: Partial<typeof supportLimits> = {},
): Promise<Record<string, string>> =>
  unpack(
    await packSupport('kios-support-ksk01', pieces, systemClock, { ...supportLimits, ...limits }),
  );

test('each piece is a file of one folder', async () => {
  const files = await pack([
    { file: 'about.txt', read: () => 'kios: 1.2.3\n' },
    { file: 'journal.json', read: () => Promise.resolve('{}\n') },
  ]);
  expect(files).toEqual({ 'about.txt': 'kios: 1.2.3\n', 'journal.json': '{}\n' });
});

test('what fails, or never answers, is a line in it and hides no other piece', async () => {
  const files = await pack(
    [
      { file: 'a', read: () => Promise.reject(new Error('EACCES: permission denied')) },
      { file: 'b', read: () => new Promise<string>(() => undefined) },
      {
        file: 'c',
        read: () => {
          throw new Error('no disk');
        },
      },
      { file: 'd', read: () => 'here\n' },
    ],
    { pieceMs: 20 },
  );
  expect(files).toEqual({
    a: '! EACCES: permission denied\n',
    b: '! no answer in 20 ms\n',
    c: '! no disk\n',
    d: 'here\n',
  });
});

test('a piece that is too long is cut: a log keeps its newest lines, the rest its first', async () => {
  const lines = Array.from({ length: 10 }, (_, i) => `line ${i}\n`).join('');
  const files = await pack(
    [
      { file: 'start', read: () => lines },
      { file: 'end', keep: 'end', read: () => lines },
    ],
    { pieceBytes: 14 },
  );
  expect(files).toEqual({ start: 'line 0\nline 1\n', end: 'line 8\nline 9\n' });
});

test('all together stay below what the relay takes, however badly they compress', async () => {
  const noise = (): string => {
    const bytes = Buffer.alloc(supportLimits.pieceBytes / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = 33 + ((i * i * 7919 + (i >> 3)) % 90);
    return bytes.toString('latin1');
  };
  const pieces = Array.from({ length: 12 }, (_, i) => ({ file: `p${i}`, read: noise }));
  const bundle = await packSupport('kios-support-ksk01', pieces, systemClock);
  expect(bundle.length).toBeLessThanOrEqual(maxSupportBytes);
  const sizes = Object.values(unpack(bundle)).map((text) => text.length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(supportLimits.allBytes);
  expect(sizes).toHaveLength(12);
});

test('nothing of it stays behind in the folder for temporary files', async () => {
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith('kios-support-'));
  await pack([{ file: 'a', read: () => 'a' }]);
  const after = readdirSync(tmpdir()).filter((name) => name.startsWith('kios-support-'));
  expect(after.filter((name) => !before.includes(name))).toEqual([]);
});

describe('what looks secret is blanked', () => {
  test.each([
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----'],
    ['the beginning of one', '-----BEGIN PRIVATE KEY-----\nMC4CAQ'],
    ['a token', 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJrc2swMSJ9.c2lnbmF0dXJl'],
    ['a QR text', '00020101021226570011ID.DANA.WWW011893600915300000001702091234'],
    ['the Server Key', 'SB-Mid-server-EXAMPLEKEY'],
    ['a signature of Midtrans', 'ab12'.repeat(32)],
    ['a technician’s card', 'TEKNISI314159'],
    ['a claim code', 'KLAIM12345678903'],
  ])('%s', (_what, secret) => {
    expect(hideSecrets(`before ${secret}`)).toBe('before [hidden]');
  });

  test.each([
    ['a Wi-Fi password', 'psk=bukan rahasia', 'psk=[hidden] rahasia'],
    ['a password of YAML', 'brokerPassword: abc', 'brokerPassword: [hidden]'],
    ['one of JSON', '{"claimSecret":"abc def","a":1}', '{"claimSecret":[hidden],"a":1}'],
  ])('%s', (_what, text, expected) => {
    expect(hideSecrets(text)).toBe(expected);
  });

  test('a token that stands behind a name and a hyphen', () => {
    const token = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJrc2swMSJ9.c2lnbmF0dXJl';
    expect(hideSecrets(`see token-${token} here`)).toBe('see [hidden] here');
  });

  // Each of these takes minutes where a pattern begins anew at every place; then the machine's own limit ends it.
  test.each([
    'eyJa-',
    'eyJaaaa.a',
    'eyJ',
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN PRIVATE KEY----------END ',
    'PRIVATE KEY',
    '000201',
    '00020101',
    '000201012345678901234\n',
    'Mid-server',
    'Mid-server-',
    'SB-Mid-',
    'a',
    'ab12 ',
    'KLAIM123456',
    'KLAIM12345 ',
    'psk',
    'psk ',
    'psk=',
    'psk="',
    'psk=\n',
    'psk =  " ',
    'passwordpasswd:',
    ' ',
    '"',
  ])('a megabyte of %j does not keep the kiosk', (piece) => {
    const text = piece.repeat(Math.ceil(1_000_000 / piece.length));
    for (const hostile of [text, `psk=" eyJ${text}`]) {
      const run = (): unknown =>
        runInNewContext('hide(text)', { hide: hideSecrets, text: hostile }, { timeout: 20_000 });
      expect(run).not.toThrow();
    }
  });

  test('ids, hashes of the journal, addresses and barcodes are none', () => {
    const text = [
      'sale ksk01-01JD0000000000000000000000',
      'a'.repeat(64),
      'serial:/dev/kios/serial-platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0',
      '8991002101234 has no password',
    ].join('\n');
    expect(hideSecrets(text)).toBe(text);
  });
});

test('a tool that goes on for ever is ended, and of one that says much the end is kept', async () => {
  await expect(runTool('sleep', ['60'], { limitMs: 50 })).rejects.toThrow('SIGKILL');
  expect(await runTool('seq', ['1', '1000'], { keepLength: 9 })).toBe('999\n1000\n');
});
