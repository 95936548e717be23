// What a support bundle is made of, on machines that lack all or most of it.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import { loggedUnits, supportPieces } from '../../src/cli/support-pieces.ts';
import { configuredSettings, shownSettings } from '../../src/cli/support-settings.ts';
import { kioskConfig, kioskExamples } from '../../src/kiosk/config.ts';
import { parseConfig } from '../../src/lib/config-file.ts';
import { systemClock } from '../../src/lib/clock.ts';

const settings = `
stateDir: /var/lib/kios
keypad: { at: "hid:/dev/kios/hid-1" }
scanner: { at: "serial:/dev/ttyACM0", prefix: "~" }
display: { at: "fb:/dev/fb0" }
serial: "machine-0042"
technicianCode: "2718281"
catalogue: { "8991002101234": { id: kopi, name: Kopi rahasia, priceIdr: 12000 } }
dispenser: { at: none, anyAmount: true }
`;

test('settings leave by name: where devices are, and neither codes nor prices nor the serial', () => {
  const shown = configuredSettings(parseConfig('kiosk.yaml', settings, kioskConfig));
  expect(shown).toMatchObject({
    ...{ stateDir: '/var/lib/kios', 'keypad.at': 'hid:/dev/kios/hid-1', 'scanner.prefix': '~' },
    ...{ catalogueItems: 1, hasPriceLabels: false, hasTechnicianCode: true },
  });
  expect(JSON.stringify(shown)).not.toMatch(/2718281|rahasia|8991002101234|machine-0042/);
});

test('each of them is a setting that there is', () => {
  const known = Object.keys(kioskExamples);
  const others = ['dispenser.anyAmount', 'printer.acceptBlindPrinter'];
  expect(shownSettings.filter((name) => ![...known, ...others].includes(name))).toEqual([]);
});

test('on a machine without anything each piece says why, and none fails the others', async () => {
  const root = mkdtempSync(join(tmpdir(), 'kios-bare-'));
  onTestFinished(() => {
    rmSync(root, { recursive: true });
  });
  const config = join(root, 'kiosk.yaml');
  writeFileSync(config, 'technicianCode: [2718281\n');
  const system = { sys: join(root, 'sys'), dev: join(root, 'dev'), etc: root, path: root };
  const places = { root, config, runtime: root, system, wholeJournal: true };
  const texts = await Promise.all(
    supportPieces(places, systemClock).map(async ({ file, read }) => {
      const text = await Promise.resolve()
        .then(read)
        .catch((error: unknown) => `! ${String(error)}`);
      return [file, text] as const;
    }),
  );
  const pieces = Object.fromEntries(texts);
  expect(pieces['settings.json']).toContain('cannot be used, 1 faults: kios doctor names them');
  expect(pieces['about.txt']).toContain(`node: ${process.version}`);
  expect(pieces['kios.log']).toContain('journalctl cannot be started');
  expect(pieces['journal.json']).toContain('there is no journal');
  expect(texts.every(([, text]) => text.length > 0)).toBe(true);
  expect(JSON.stringify(pieces)).not.toContain('2718281');
});

test('the logs of all units of a kiosk are in it', () => {
  const folder = join(import.meta.dirname, '../../systemd');
  const units = readdirSync(folder).flatMap((name) => /^(kios.*)\.service$/.exec(name)?.[1] ?? []);
  expect([...loggedUnits].sort()).toEqual(units.filter((name) => name !== 'kios-relay').sort());
});

test('with the releases on the data partition, those are told', async () => {
  const root = mkdtempSync(join(tmpdir(), 'kios-data-'));
  onTestFinished(() => {
    rmSync(root, { recursive: true });
  });
  for (const folder of ['srv/kios/root', 'srv/kios/releases/0.2.0', 'var/lib']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  symlinkSync('/srv/kios/root', join(root, 'var/lib/kios-root'));
  symlinkSync('releases/0.2.0', join(root, 'srv/kios/good'));
  const system = { sys: root, dev: root, etc: root, path: root };
  const places = { root, config: join(root, 'none'), runtime: root, system, wholeJournal: false };
  const text = async (name: string): Promise<string> =>
    (await supportPieces(places, systemClock)
      .find(({ file }) => file === name)
      ?.read()) ?? '';
  expect(await text('about.txt')).toContain('good: releases/0.2.0');
  expect(await text('disks.txt')).toContain('releases: 0.2.0');
});
