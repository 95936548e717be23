// Set-up sheets at a kiosk that is enrolled: the technician's screen takes them, once; a customer who holds one up gets a word.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enrol } from '../../src/kiosk/enrol.ts';
import { withSheetSettings } from '../../src/kiosk/sheet-settings.ts';
import { kioskConfig } from '../../src/kiosk/config.ts';
import { signSheet, type SettingsSheet, type WifiSheet } from '../../src/protocol/sheet.ts';
import { startSetting, type Setting } from '../relay/setting.ts';
import { anyKey, dayS, enrolmentQr, nowS, relayKeyOf, SetUpKiosk } from './set-up-kiosk.ts';

const psk = 'rahasia-warung';
let relay: Setting;
let kiosk: SetUpKiosk;

beforeAll(async () => {
  relay = await startSetting();
});
afterAll(async () => {
  await relay.stop();
});
beforeEach(async () => {
  kiosk = await SetUpKiosk.make();
  // The technician's screen stays open for as long as it does in life.
  kiosk.haste = 1;
  const code = await relay.code('ksk01');
  const { stateDir } = kiosk;
  await enrol({ relayUrl: relay.relayUrl, code, stateDir, site: 'kuta-square', force: false });
  await kiosk.start();
  await kiosk.until('the relay', () => kiosk.log.includes('"msg":"broker.up"'));
});
afterEach(async () => {
  expect(kiosk.log + kiosk.kept() + kiosk.root.calls().join()).not.toContain(psk);
  await kiosk.end();
});

const times = (): Pick<WifiSheet, 'issuedS' | 'deadlineS'> => ({
  issuedS: nowS(),
  deadlineS: nowS() + dayS,
});
const wifi = (more: Partial<WifiSheet> = {}): WifiSheet => ({
  ...{ kind: 'wifi', ...times(), to: { kioskId: 'ksk01' }, ssid: 'Warung', psk },
  ...{ security: 'wpa-psk', hidden: false, ...more },
});
const settings = (more: Partial<SettingsSheet> = {}): SettingsSheet => ({
  ...{ kind: 'settings', ...times(), to: { site: 'kuta-square' } },
  ...{ settings: { language: 'en', panelWidthMm: 154 }, ...more },
});
const signed = (sheet: WifiSheet | SettingsSheet, key = relayKeyOf(relay)): string =>
  signSheet(sheet, key.privateKey);

const keyfile = (): string => join(kiosk.root.places.connections, 'kios-wifi.nmconnection');

/** Waits until the kiosk has said this of a sheet, so often. */
async function told(result: string, times = 1): Promise<void> {
  const said = `"result":"${result}","msg":"set-up.sheet"`;
  await kiosk.until(`${result}, ${times} times`, () => kiosk.log.split(said).length > times);
}

async function openTechnician(): Promise<void> {
  kiosk.scan('TEKNISI314159');
  await kiosk.until('the screen', () => kiosk.log.includes('"to":"technician"'));
}

describe('a customer who has photographed one', () => {
  test('gets a word and nothing else, whatever it is', async () => {
    for (const [index, text] of [
      signed(wifi()),
      signed(settings()),
      await enrolmentQr(relay),
      signed(wifi(), anyKey()),
    ].entries()) {
      kiosk.scan(text);
      await told('sheet-not-now', index + 1);
    }
    expect(existsSync(keyfile())).toBe(false);
    expect(existsSync(join(kiosk.stateDir, 'set-up.json'))).toBe(false);
    expect(kiosk.ended).toBe(false);
  });
});

describe('a Wi-Fi sheet that was not read whole', () => {
  // The password stands in the middle: a piece that is short enough for goods holds none of it.
  const pieces = (): [what: string, text: string][] => {
    const text = signed(wifi());
    return [
      ['its head', text.slice(0, 150)],
      ['its tail', text.slice(-150)],
      ['twice in one', `${text}${text}`.slice(0, 512)],
      ['its head, typed with Shift', shifted(text.slice(0, 150))],
    ];
  };
  const shifted = (text: string): string =>
    text.replace(/\d/g, (digit) => ')!@#$%^&*('.charAt(Number(digit)));

  async function saidOfEach(): Promise<void> {
    for (const [index, [what, text]] of pieces().entries()) {
      kiosk.scan(text);
      await told('sheet-unread', index + 1);
      expect(kiosk.kept() + kiosk.log, what).not.toContain(text.slice(0, 60));
    }
    expect(existsSync(keyfile())).toBe(false);
  }

  test('leaves nothing of itself, and a word on the screen', saidOfEach);

  test("on the technician's screen too", async () => {
    await openTechnician();
    await saidOfEach();
  });
});

describe("on the technician's screen", () => {
  beforeEach(openTechnician);

  test('a Wi-Fi goes to root, again if need be, and none that is older', async () => {
    const text = signed(wifi());
    kiosk.scan(text);
    await told('taken');
    expect(readFileSync(keyfile(), 'utf8')).toContain(`psk=${psk}`);
    expect(kiosk.root.calls()).toContain('nmcli --wait 30 connection up id kios-wifi');
    kiosk.scan(text);
    await told('taken', 2);
    kiosk.scan(signed(wifi({ issuedS: nowS() - 600, ssid: 'Old' })));
    await told('sheet-used');
    expect(kiosk.kept()).not.toContain(text.slice(0, 40));
  });

  test('for another kiosk, too late, or by a stranger: nothing', async () => {
    kiosk.scan(signed(wifi({ to: { kioskId: 'ksk02' } })));
    await told('sheet-other-kiosk');
    kiosk.scan(signed(wifi({ to: { site: 'ubud' } })));
    await told('sheet-other-kiosk', 2);
    kiosk.scan(signed(wifi({ deadlineS: nowS() - 1 })));
    await told('sheet-expired');
    kiosk.scan(signed(wifi(), anyKey()));
    await told('sheet-unread');
    expect(existsSync(keyfile())).toBe(false);
  });

  test('an enrolment is for a kiosk that has none', async () => {
    kiosk.scan(await enrolmentQr(relay));
    await told('already-enrolled');
    expect(existsSync(keyfile())).toBe(false);
  });

  test('what cannot be handed to root is said, and the kiosk goes on', async () => {
    kiosk.rootIsClosed = true;
    kiosk.scan(signed(wifi()));
    await told('sheet-not-kept');
    kiosk.rootIsClosed = false;
    kiosk.scan(signed(wifi()));
    await told('taken');
  });

  test('a Wi-Fi that cannot be joined says so', async () => {
    kiosk.root.tool('nmcli', '[[ $* != *up* ]] || exit 4');
    kiosk.scan(signed(wifi({ to: { site: 'kuta-square' } })));
    await told('sheet-failed');
  });

  test('settings are taken up by a new start; neither the same sheet nor an older one comes back', async () => {
    const first = settings();
    kiosk.scan(signed(first));
    await told('taken');
    await kiosk.until('its end', () => kiosk.ended);
    await kiosk.startAgain();
    await openTechnician();
    kiosk.scan(signed(first));
    await told('sheet-used');
    kiosk.scan(signed(settings({ issuedS: nowS() - 60, settings: { language: 'id' } })));
    await told('sheet-used', 2);
    const later = settings({ issuedS: nowS() + 60, settings: { timeZone: 'Asia/Makassar' } });
    kiosk.scan(signed(later));
    await told('taken', 2);
    const file = {
      stateDir: kiosk.stateDir,
      display: { at: kiosk.display.at },
      scanner: { at: kiosk.scanner.at },
    };
    expect(withSheetSettings(kioskConfig.parse(file))).toMatchObject({
      ...{ language: 'en', timeZone: 'Asia/Makassar' },
      display: { panelWidthMm: 154, rotation: 0 },
    });
  });
});

test('without a network a Wi-Fi is taken at once, and settings are not', async () => {
  kiosk.haste = 10;
  const before = kiosk.log.length;
  await kiosk.startAgain();
  // One that has never heard the relay has none to lose.
  await kiosk.until('a kiosk that sells', () => kiosk.log.slice(before).includes('"missing":[]'));
  const since = kiosk.log.length;
  await relay.stopRelay();
  const lost = '"missing":["relay-unreachable"]';
  await kiosk.until('a lost relay', () => kiosk.log.slice(since).includes(lost));
  kiosk.scan(signed(settings()));
  await told('sheet-not-now');
  kiosk.scan(signed(wifi()));
  await told('taken');
  expect(existsSync(keyfile())).toBe(true);
  await relay.restart();
});
