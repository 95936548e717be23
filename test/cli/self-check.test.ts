// What a release that was just unpacked says of this machine: what it could not serve with is refused in words; what a start
// would do without is told, and holds no update back.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeIdentity } from '../../src/kiosk/identity.ts';
import { identityFor, sign } from '../kiosk/signer.ts';
import { run, type Result } from '../scripts/sandbox.ts';

const program = join(import.meta.dirname, '../../src/cli/kios.ts');
let folder: string;
let stateDir: string;
let config: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-self-check-'));
  stateDir = join(folder, 'state');
  mkdirSync(stateDir);
  config = join(folder, 'kiosk.yaml');
  writeOwn();
  writeIdentity(stateDir, identityFor('https://relay.example'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function writeOwn(more = ''): void {
  const devices = 'keypad: { at: terminal }\ndisplay: { at: terminal }\n';
  writeFileSync(config, `stateDir: ${stateDir}\n${devices}${more}`);
}

async function selfCheck(entry = program): Promise<Result> {
  return run(process.execPath, [entry, 'update', 'self-check', '--config', config]);
}

/** A configuration as the relay has signed it for this kiosk. */
async function token(version: number, settings: unknown): Promise<string> {
  return sign('kios-config', { env: 'sandbox', kioskId: 'ksk01', version, iat: 1, settings });
}

function keep(name: string, content: unknown): void {
  writeFileSync(join(stateDir, name), JSON.stringify(content));
}

const well = { status: 0, stdout: '', stderr: '' };

test('a machine that it understands: it has nothing to say', async () => {
  keep('config-good.json', { token: await token(7, { language: 'en' }) });
  expect(await selfCheck()).toEqual(well);
});

test("the machine's own configuration that does not fit any more is refused, in words", async () => {
  writeOwn('colour: red\n');
  const { status, stderr } = await selfCheck();
  expect(status).toBe(1);
  expect(stderr).toContain('line 4: colour: unknown key; remove or correct it');
});

describe("the kiosk's own program", () => {
  /** The first file of a release: it hands the kiosk to one file, and everything else to another. */
  function release(kiosk: string): string {
    const entry = join(folder, 'entry.mjs');
    writeFileSync(
      entry,
      `if (process.argv[2] === 'kiosk') { ${kiosk} } else await import(${JSON.stringify(program)});`,
    );
    return entry;
  }

  test('one that does not load here is refused, whatever the other commands do', async () => {
    const { status, stderr } = await selfCheck(release(`throw new Error('a wrong ELF class');`));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^kios: the kiosk's program does not load: [^]*a wrong ELF class/);
  });

  test('it is started as the unit starts it, with the configuration of the machine', async () => {
    const said = join(folder, 'said.json');
    const write = `(await import('node:fs')).writeFileSync(${JSON.stringify(said)}, JSON.stringify(process.argv.slice(2)));`;
    expect(await selfCheck(release(write))).toEqual(well);
    const { default: args } = (await import(said, { with: { type: 'json' } })) as {
      default: unknown;
    };
    expect(args).toEqual(['kiosk', '--config', config, '--check']);
  });
});

describe('a configuration from afar that a start would do without is told, and holds nothing back', () => {
  const told = async (): Promise<string> => {
    const { status, stdout, stderr } = await selfCheck();
    expect([status, stderr]).toEqual([0, '']);
    return stdout;
  };

  test('the last good one has a setting that this release does not know', async () => {
    keep('config-good.json', { token: await token(7, { colour: 'red' }) });
    expect(await told()).toBe(
      'warning: the last good configuration from afar is not used, 7: the whole: Unrecognized key: "colour"\n',
    );
  });

  test('the next one does not go with the machine', async () => {
    keep('config-next.json', { token: await token(8, { colour: 'red' }), begun: false });
    expect(await told()).toMatch(/^warning: the next configuration from afar is refused, 8: .+\n$/);
  });

  test('the last good one is damaged', async () => {
    writeFileSync(join(stateDir, 'config-good.json'), '{"token":"ey');
    expect(await told()).toBe('warning: config-good.json is damaged; a start does without it\n');
  });

  test('somebody else has signed it', async () => {
    keep('config-good.json', { token: `${await token(7, {})}x` });
    expect(await told()).toMatch(/^warning: the last good .* is not used, the signature .*\n$/);
  });
});
