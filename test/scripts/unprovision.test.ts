// In which order scripts/unprovision.sh stops what runs, before it takes the files of it away. That it takes all of them is
// in provision-bundle.test.ts, and at a real systemd in test/rig/field-life.ts.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from './sandbox.ts';

const project = join(import.meta.dirname, '../..');
const units = readdirSync(join(project, 'systemd')).sort();
const paths = units.filter((unit) => unit.endsWith('.path'));
/** What a path unit starts: the service of its own name, or the one that it names. */
const obeying = paths.map((path) => {
  const text = readFileSync(join(project, 'systemd', path), 'utf8');
  return /^Unit=(.+)$/m.exec(text)?.[1] ?? path.replace(/path$/, 'service');
});
/** The folders on the data partition are there until the last of their files has gone; a relay is no kiosk's. */
const apart = ['kios-data.service', 'kios-relay.service'];
const others = units.filter(
  (unit) => unit.endsWith('.service') && ![...obeying, ...apart].includes(unit),
);

const source = readFileSync(join(project, 'scripts/unprovision.sh'), 'utf8');
const stopAll = /^stop_all\(\) \{\n[^]*?^\}$/m.exec(source)?.[0] ?? '';

test('what listens for requests stops first, then what obeys one, which may be an update, then the kiosk', async () => {
  const { stdout, status } = await run('bash', [
    '-euc',
    // Stand-ins: the real ones would stop the units of this machine, and bind its console.
    `systemctl() { echo "$*"; }\n${stopAll.replaceAll('/sys/class', '/nowhere')}\nstop_all`,
  ]);
  const orders = stdout.trim().split('\n');
  expect([status, orders.every((order) => order.startsWith('stop '))]).toEqual([0, true]);
  const stopped = orders.map((order) => order.split(' ').slice(1).sort());
  expect(stopped).toEqual([paths, obeying.sort(), others]);
});

test('the text console gets its screen back, and only that', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kios-consoles-'));
  try {
    for (const [name, words] of [
      ['vtcon0', '(S) dummy device'],
      ['vtcon1', '(M) frame buffer device'],
    ] as const) {
      mkdirSync(join(folder, 'vtconsole', name), { recursive: true });
      writeFileSync(join(folder, 'vtconsole', name, 'name'), `${words}\n`);
    }
    const script = `systemctl() { :; }\n${stopAll.replaceAll('/sys/class', folder)}\nstop_all`;
    await run('bash', ['-euc', script]);
    expect(readFileSync(join(folder, 'vtconsole/vtcon1/bind'), 'utf8').trim()).toBe('1');
    expect(existsSync(join(folder, 'vtconsole/vtcon0/bind'))).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
