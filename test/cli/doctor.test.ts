// `kios doctor` as a process on machines that are well, and on machines with one thing wrong: its code, its words, its exit status.
import { generateKeyPairSync } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createPrinterSimulator, type PrinterState } from '../../drivers/printer/simulator.ts';
import { createRelaySimulator, VirtualRelay } from '../../drivers/dispenser/relay-simulator.ts';
import { createVendBoardSimulator } from '../../drivers/dispenser/simulator.ts';
import { createKeypadSimulator } from '../../drivers/keypad/simulator.ts';
import {
  checkDisk,
  checkUnit,
  runningHealth,
  stateFault,
  takeKiosk,
} from '../../src/cli/doctor-machine.ts';
import { bootName, readRemembered, systemClockFinding } from '../../src/cli/doctor-relay.ts';
import { doctorWords } from '../../src/cli/doctor-words.ts';
import { exitStatusOf, fault, findingLines, look, well } from '../../src/cli/finding.ts';
import { readIdentity, writeIdentity } from '../../src/kiosk/identity.ts';
import { lockFolder } from '../../src/kiosk/lock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { healthFile } from '../../src/protocol/root-request.ts';
import { broker, deadPort, devicesOf, doctor, kiosk } from './doctor-world.ts';
import { linesOf, relay, run, type RelayWays } from './doctor-world.ts';

async function printer(
  state: Partial<PrinterState> = {},
): Promise<{ at: string; paper: string[] }> {
  const paper: string[] = [];
  const simulator = await createPrinterSimulator({
    listen: { port: 0 },
    profile: printerProfiles['generic-58'],
    onPaper: ({ text }) => paper.push(text.join('\n')),
  });
  onTestFinished(() => simulator.close());
  simulator.set(state);
  return { at: simulator.at, paper };
}

async function keypadAt(): Promise<string> {
  const simulator = await createKeypadSimulator({ tcp: true });
  onTestFinished(() => simulator.unplug());
  return simulator.at;
}

describe('a machine that is well', () => {
  test('ends with 0, each part looked at, and no word of a secret', async () => {
    const { at } = await printer();
    const machine = await kiosk({ keypad: { at: await keypadAt() }, printer: { at } });
    const { status, found } = await doctor(machine);
    const verdicts = Object.values(found).map(({ check, verdict }) => `${check} ${verdict}`);
    expect(verdicts).toEqual([
      ...['config well', 'service skipped', 'disk well', 'identity well', 'journal well'],
      ...['relay well', 'clock well', 'broker well', 'keypad well', 'scanner skipped'],
      ...['display skipped', 'printer well', 'dispenser skipped'],
    ]);
    expect(status).toBe(0);
    const { privateKeyPem, enrolment } = readIdentity(machine.stateDir);
    for (const secret of [privateKeyPem, enrolment.claimSecret]) {
      expect(JSON.stringify(found)).not.toContain(secret);
    }
  });

  test('in words of two languages, by the flag or the configuration', async () => {
    const machine = await kiosk({ keypad: { at: await keypadAt() } });
    const asked = ['doctor', '--config', machine.config, '--alone'];
    expect((await run(asked)).said).toContain('Semua baik.');
    const { said, code } = await run([...asked, '--language', 'en']);
    expect(said).toContain('All is well.');
    expect(code).toBe(0);
  });
});

describe('relay, broker and clock', () => {
  test.each<[string, RelayWays, string, string]>([
    ['unauthorised', { code: 'unauthorised', status: 401 }, 'relay', 'unauthorised'],
    ['revoked', { code: 'kiosk-revoked', status: 403 }, 'relay', 'kiosk-revoked'],
    ['a code of no doctor', { code: 'claim-unknown', status: 404 }, 'relay', 'internal'],
    ['a clock an hour behind', { offsetMs: 3_600_000 }, 'clock', 'clock-skew'],
    [
      'another relay’s key',
      { signedBy: generateKeyPairSync('ed25519').privateKey },
      'relay',
      'bad-proof',
    ],
  ])('%s', async (_name, ways, check, code) => {
    const found = await linesOf(await kiosk({}, { relayUrl: await relay(ways) }));
    expect(found[check]).toMatchObject({ code, verdict: check === 'relay' ? 'fault' : 'look' });
  });

  test('without network it ends by itself, and says what the network said', async () => {
    const port = await deadPort();
    const dead = { relayUrl: `http://127.0.0.1:${port}`, brokerUrl: `mqtt://127.0.0.1:${port}` };
    const { found } = await doctor(await kiosk({ keypad: { at: await keypadAt() } }, dead));
    expect(found['relay']).toMatchObject({ verdict: 'fault', code: 'relay-unreachable' });
    expect(found['relay']?.detail).toContain('ECONNREFUSED');
    expect(found['broker']).toMatchObject({ verdict: 'look', code: 'broker-unreachable' });
    expect(found['keypad']).toMatchObject({ verdict: 'well' });
  });

  test('a broker by TLS whose line is no TLS is not reached', async () => {
    const brokerUrl = (await broker()).replace('mqtt:', 'mqtts:');
    const found = await linesOf(await kiosk({}, { brokerUrl }));
    expect(found['broker']).toMatchObject({ code: 'broker-unreachable' });
  });

  test('it asks as the boot that the kiosk itself last named, or as the service will', () => {
    expect(bootName('ab-cd', 'ab-cd')).toBe('ab-cd');
    expect(bootName('ab-cd', 'abcd')).toBe('abcd');
    expect(bootName('ab-cd', 'ef-gh')).toBe('abcd');
    expect(bootName('ab-cd', undefined)).toBe('abcd');
  });

  test('the last boot is the journal’s', async () => {
    expect(await readRemembered((await kiosk()).stateDir)).toEqual({ bootId: 'boot-1' });
  });

  test('without the relay NTP’s mark decides', async () => {
    expect(await systemClockFinding('/dev/null')).toMatchObject({ verdict: 'well' });
    expect(await systemClockFinding('/nowhere')).toMatchObject({ code: 'clock-unknown' });
  });
});

describe('disk, identity and journal', () => {
  test('a state folder that leads nowhere is a missing data partition', async () => {
    const machine = await kiosk();
    await rm(machine.stateDir, { recursive: true });
    await symlink('/nowhere/kios', machine.stateDir);
    const { status, found } = await doctor(machine);
    expect(found['disk']).toMatchObject({ code: 'data-missing' });
    expect(status).toBe(2);
  });

  test('a disk that is mounted read-only, by the mount that holds the folder', async () => {
    const { folder, stateDir } = await kiosk();
    const mounts = join(folder, 'mounts');
    const at = async (lines: string): Promise<string | undefined> => {
      await writeFile(mounts, lines);
      return checkDisk(stateDir, mounts).code;
    };
    expect(
      await at(`/dev/x / ext4 ro 0 0\n/dev/y ${folder} ext4 rw,noatime 0 0\n`),
    ).toBeUndefined();
    expect(await at(`/dev/x / ext4 rw 0 0\n/dev/y ${folder} ext4 ro,noatime 0 0\n`)).toBe(
      'disk-read-only',
    );
    expect(await at(`/dev/y ${folder} ext4 rw 0 0\n/dev/x / ext4 ro 0 0\n`)).toBeUndefined();
    expect(await at(`/dev/x / ext4 rw 0 0\n/dev/y ${folder}-2 ext4 ro 0 0\n`)).toBeUndefined();
  });

  test('a lock on a disk that can only be read is no matter of sudo', async () => {
    const { stateDir } = await kiosk();
    const access = (): never => {
      throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
    };
    expect(() => takeKiosk(stateDir, access)).toThrow(
      expect.objectContaining({ code: 'disk-read-only' }),
    );
    const error = Object.assign(new Error('EROFS'), { code: 'EROFS' });
    expect(stateFault('journal', error)).toMatchObject({ code: 'disk-read-only' });
  });

  test('a machine without identity is told what to do, and nobody is asked for it', async () => {
    const machine = await kiosk();
    await rm(join(machine.stateDir, 'identity.json'));
    const { found } = await doctor(machine);
    expect(found['identity']).toMatchObject({ code: 'not-enrolled' });
    expect(found['relay']).toMatchObject({ verdict: 'skipped' });
  });

  test('a card of another machine', async () => {
    const machine = await kiosk();
    writeIdentity(machine.stateDir, { ...readIdentity(machine.stateDir), serial: 'kiosk-8' });
    expect((await doctor(machine)).found['identity']).toMatchObject({ code: 'other-machine' });
  });

  test('a journal that was altered', async () => {
    const machine = await kiosk();
    const db = new DatabaseSync(join(machine.stateDir, 'journal.sqlite'));
    db.exec(`UPDATE entries SET body = '{}'`);
    db.close();
    expect((await doctor(machine)).found['journal']).toMatchObject({ code: 'journal-damaged' });
  });

  test('a configuration that cannot be used names its line', async () => {
    const machine = await kiosk();
    await writeFile(machine.config, 'stateDir: here\n');
    const { status, found } = await doctor(machine);
    expect(status).toBe(2);
    expect(found['config']).toMatchObject({ code: 'config-invalid' });
    expect(found['config']?.detail.split('\n')[0]).toBe(machine.config);
    expect(found['config']?.detail).toContain('line 1');
  });

  test('mistakes of a configuration stand one a line', () => {
    const mistakes = ['line 1: stateDir: wrong', 'line 2: keypad.at: wrong; write hid:/dev/…'];
    const found = fault('config', 'config-invalid', ['kiosk.yaml', ...mistakes].join('\n'));
    const lines = findingLines(found, 'en').map((line) => line.trim());
    expect(lines.slice(-3)).toEqual(['kiosk.yaml', ...mistakes]);
  });
});

describe('devices', () => {
  test.each<[string, Partial<PrinterState>, string, string]>([
    ['no paper', { paper: 'out' }, 'printer-paper-out', 'fault'],
    ['little paper', { paper: 'low' }, 'printer-paper-low', 'look'],
    ['an open cover', { cover: 'open' }, 'printer-cover-open', 'fault'],
    ['silence', { silent: true }, 'printer-lost', 'fault'],
  ])('a printer with %s', async (_name, state, code, verdict) => {
    const { at } = await printer(state);
    const found = await devicesOf(await kiosk({ printer: { at } }));
    expect(found['printer']).toMatchObject({ code, verdict });
  });

  test('a device that is not there', async () => {
    const found = await devicesOf(await kiosk());
    expect(found['keypad']).toMatchObject({ code: 'keypad-lost', verdict: 'fault' });
  });

  test('a kiosk that runs keeps its devices: they are told as it tells them', async () => {
    const { at } = await printer();
    const machine = await kiosk({ keypad: { at: await keypadAt() }, printer: { at } });
    const lock = lockFolder(machine.stateDir);
    onTestFinished(() => {
      lock.release();
    });
    const silent = await doctor(machine, '--runtime', machine.folder, '--print');
    expect(silent.found['keypad']).toMatchObject({ verdict: 'skipped' });
    expect(silent.found['report']).toMatchObject({ verdict: 'skipped' });
    const health = {
      ...{ release: 'r', version: '1', idle: true, atMs: systemClock.monotonicMs() },
      parts: { keypad: { ok: true }, printer: { ok: false } },
    };
    await writeFile(join(machine.folder, healthFile), JSON.stringify(health));
    const { found } = await doctor(machine, '--runtime', machine.folder);
    expect(found['keypad']).toMatchObject({ verdict: 'well' });
    expect(found['printer']).toMatchObject({ verdict: 'fault', code: 'printer-lost' });
    expect(await runningHealth(machine.folder, health.atMs + 31_000)).toBeUndefined();
  });

  test('with a person: what is well is tried by hand, what is lost is not, and no goods move unasked', async () => {
    const pad = await createKeypadSimulator({ tcp: true });
    onTestFinished(() => pad.unplug());
    const onPulse = (): never => {
      throw new Error('nobody has said that goods may move');
    };
    const ways = { listen: { port: 0 }, clock: systemClock, pulseMs: 10, onPulse };
    const board = await createVendBoardSimulator(ways);
    onTestFinished(() => board.close());
    const machine = await kiosk({
      keypad: { at: pad.at },
      scanner: { at: 'serial:/dev/nothing' },
      dispenser: { at: board.at, anyAmount: true },
    });
    let pressed = false;
    const { said } = await run(['doctor', '--config', machine.config, '--person'], (so) => {
      if (!pressed && so.includes('Tekan 5')) pressed = pad.press('5');
    });
    expect(said).toContain('5 came');
    expect(said.match(/scanner-lost/g)).toHaveLength(1);
    expect(said).not.toContain('Ketik yes');
  });

  test('called off in mid-pulse: the relay is switched off, and the doctor ends', async () => {
    let child: ChildProcess | undefined;
    const relayOfBoard = new VirtualRelay(systemClock, (on) => {
      if (on) child?.kill('SIGHUP');
    });
    const board = await createRelaySimulator({ port: 0 }, relayOfBoard);
    onTestFinished(() => board.unplug());
    const dispenser = { at: `lcus:${board.at}?pulseMs=9000`, anyAmount: true };
    const { config } = await kiosk({ dispenser });
    const args = ['doctor', '--config', config, '--person', '--dispense', '--language', 'en'];
    const { code, said } = await run(args, (so, asking) => {
      child = asking;
      if (so.includes('Type yes') && asking.stdin?.writableEnded === false)
        asking.stdin.end('yes\n');
    });
    expect({ pulses: relayOfBoard.pulses, on: relayOfBoard.on }).toEqual({ pulses: 1, on: false });
    expect(code).toBe(2);
    expect(said).toContain('dispenser-unknown');
    expect(said).not.toContain('Something does not work'); // It was not asked to the end.
  });

  test('the report comes on the kiosk’s own paper, with the codes', async () => {
    const { at, paper } = await printer();
    const machine = await kiosk({ keypad: { at: 'serial:/dev/nothing' }, printer: { at } });
    const { code } = await run(['doctor', '--config', machine.config, '--alone', '--print']);
    expect(code).toBe(2);
    await expect.poll(() => paper.length).toBe(1);
    expect(paper[0]).toContain('keypad-lost');
    expect(paper[0]).toContain('relay');
  });
});

test('the service, as systemctl tells it', async () => {
  const { folder } = await kiosk();
  const says = async (state: string): Promise<unknown> => {
    await mkdir(join(folder, 'bin'), { recursive: true });
    const text = `#!/bin/sh\necho LoadState=loaded\necho ActiveState=${state}\necho SubState=x\n`;
    await writeFile(join(folder, 'bin/systemctl'), text, { mode: 0o755 });
    return checkUnit(join(folder, 'bin'));
  };
  expect(await says('active')).toMatchObject({ verdict: 'well' });
  expect(await says('failed')).toMatchObject({ verdict: 'look', code: 'service-down' });
  expect(await checkUnit('/nowhere')).toMatchObject({ verdict: 'skipped' });
});

test('the worst finding decides the exit status', () => {
  const small = look('clock', 'clock-skew', '');
  expect(exitStatusOf([well('a', '')])).toBe(0);
  expect(exitStatusOf([well('a', ''), small])).toBe(1);
  expect(exitStatusOf([fault('b', 'keypad-lost', ''), small])).toBe(2);
});

test('every code fits 80 columns in both languages, and stands in docs/errors.md', async () => {
  const docs = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  for (const code of Object.keys(doctorWords)) {
    expect(docs).toContain(`\`${code}\``);
    for (const language of ['id', 'en'] as const) {
      const lines = findingLines(fault('dispenser', code, 'word '.repeat(40)), language);
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
    }
  }
});
