// A kiosk that nobody has enrolled: what it shows, whose QR it takes, and that it goes on waiting whatever is held before it.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { enrol } from '../../src/kiosk/enrol.ts';
import type { SetUp } from '../../src/kiosk/enrol-screen.ts';
import { hasIdentity, readIdentity } from '../../src/kiosk/identity.ts';
import { enrolBody, signedEnrolAnswer } from '../../src/protocol/api.ts';
import type { ErrorCode } from '../../src/protocol/errors.ts';
import { signSheet, type Sheet } from '../../src/protocol/sheet.ts';
import { payee, startSetting, type Setting } from '../relay/setting.ts';
import { makeExpiredCertificate } from './expired-certificate.ts';
import { anyKey, dayS, enrolmentQr, nowS, relayKeyOf, SetUpKiosk } from './set-up-kiosk.ts';

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
});
afterEach(async () => {
  await kiosk.end();
});

const failed = (code: ErrorCode, again = false): SetUp => ({ at: 'failed', code, again });

async function enrolled(): Promise<void> {
  await kiosk.shows({ at: 'done', kioskId: 'ksk01', merchant: payee.name });
  await kiosk.until('its end', () => kiosk.ended);
}

describe('the straight path', () => {
  test('it asks for the QR, enrols by it, and ends to be started anew', async () => {
    await kiosk.start();
    await kiosk.shows({ at: 'waiting' });
    const qr = await enrolmentQr(relay);
    kiosk.scan(qr);
    await enrolled();
    const identity = readIdentity(kiosk.stateDir);
    expect(identity).toMatchObject({ site: 'kuta-square', relayUrl: relay.relayUrl });
    expect(identity.enrolment.keys[0]?.publicKey.x).toBe(relayKeyOf(relay).pin);
    expect(statSync(join(kiosk.stateDir, 'identity.json')).mode & 0o777).toBe(0o600);
    expect(statSync(kiosk.stateDir).mode & 0o777).toBe(0o700);
    expect(kiosk.log).not.toContain(qr);
  });

  test('an enrolment that was typed beside it is seen', async () => {
    await kiosk.start();
    const code = await relay.code('ksk01');
    const { stateDir } = kiosk;
    await enrol({ relayUrl: relay.relayUrl, code, stateDir, force: false });
    await kiosk.until('its end', () => kiosk.ended);
  });

  test('without a scanner it says what to type', async () => {
    await kiosk.start({ scanner: undefined, keypad: { at: `unix:${kiosk.folder}/keypad` } });
    await kiosk.shows({ at: 'no-scanner' });
  });
});

describe('what it does not take, and goes on waiting', () => {
  afterEach(async () => {
    kiosk.scan(await enrolmentQr(relay));
    await enrolled();
  });

  test('goods, words, and a QR that was altered', async () => {
    await kiosk.start();
    for (const text of ['8991002101234', 'hello']) {
      kiosk.scan(text);
      await kiosk.shows(failed('sheet-unread'));
    }
    const qr = await enrolmentQr(relay);
    kiosk.scan(`${qr.slice(0, 100)}${(Number(qr[100]) + 1) % 10}${qr.slice(101)}`);
    await kiosk.until('a word of it', () => kiosk.log.includes('"isSheet":true'));
  });

  test('a QR that is too old', async () => {
    await kiosk.start();
    kiosk.scan(await enrolmentQr(relay, { deadlineS: nowS() - 1 }));
    await kiosk.shows(failed('sheet-expired'));
    expect(hasIdentity(kiosk.stateDir)).toBe(false);
  });

  test('a code that the relay does not know, or that another kiosk has used', async () => {
    await kiosk.start();
    kiosk.scan(await enrolmentQr(relay, { code: '000000000000' }));
    await kiosk.shows(failed('enrolment-refused'));
    const code = (await relay.code('ksk09')).replaceAll('-', '');
    const stateDir = join(kiosk.folder, 'other');
    await enrol({ relayUrl: relay.relayUrl, code, stateDir, force: false });
    kiosk.scan(await enrolmentQr(relay, { code }));
    const refused = (code: ErrorCode): string => `"code":"${code}","again":false`;
    await kiosk.until(
      'two refusals',
      () => kiosk.log.split(refused('enrolment-refused')).length > 2,
    );
  });

  test('a relay that is not there is asked again and again, until another QR comes', async () => {
    await kiosk.start();
    kiosk.scan(await enrolmentQr(relay, { relayUrl: 'http://127.0.0.1:9' }));
    await kiosk.shows(failed('relay-unreachable', true));
    await kiosk.until('another try', () => kiosk.log.split('set-up.failed').length > 2);
  });
});

describe('a kiosk that was enrolled before: its journal is there, its identity is not', () => {
  beforeEach(() => {
    mkdirSync(kiosk.stateDir, { mode: 0o700 });
    writeFileSync(join(kiosk.stateDir, 'journal.sqlite'), 'money');
  });

  test('takes no QR, be it ever so whole, and says so; by hand it is enrolled', async () => {
    await kiosk.start();
    await kiosk.shows({ at: 'enrolled-before' });
    kiosk.scan(await enrolmentQr(relay));
    await kiosk.until('a refusal', () => kiosk.log.includes('"code":"enrolled-before"'));
    await kiosk.shows({ at: 'enrolled-before' });
    const code = await relay.code('ksk01');
    const { stateDir } = kiosk;
    expect(hasIdentity(stateDir)).toBe(false);
    await enrol({ relayUrl: relay.relayUrl, code, stateDir, force: false });
    await kiosk.until('its end', () => kiosk.ended);
  });

  test('takes one that its operator has signed', async () => {
    const operator = anyKey();
    kiosk.bringOperatorKey(operator.privateKey);
    await kiosk.start();
    await kiosk.shows({ at: 'waiting' });
    const { pin } = relayKeyOf(relay);
    kiosk.scan(await enrolmentQr(relay, { pin }, operator));
    await enrolled();
  });
});

test('a relay that comes back is enrolled at without another scan', async () => {
  await kiosk.start();
  const qr = await enrolmentQr(relay);
  await relay.stopRelay();
  kiosk.scan(qr);
  await kiosk.shows(failed('relay-unreachable', true));
  await relay.restart();
  await enrolled();
});

test('a clock that makes every certificate wrong is named, and asked again', async () => {
  const trusted = getCACertificates('default');
  makeExpiredCertificate(kiosk.folder);
  const read = (name: string): Buffer => readFileSync(join(kiosk.folder, name));
  setDefaultCACertificates([read('cert.pem').toString()]);
  const server = createTlsServer({ key: read('key.pem'), cert: read('cert.pem') });
  try {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await kiosk.start();
    kiosk.scan(await enrolmentQr(relay, { relayUrl: `https://127.0.0.1:${port}` }));
    await kiosk.shows(failed('clock-wrong', true));
  } finally {
    server.close();
    setDefaultCACertificates(trusted);
  }
});

describe('somebody who stands between', () => {
  let between: Server;
  let url: string;
  let answerOf: (body: unknown) => Promise<unknown>;

  const real = async (body: unknown): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${relay.relayUrl}/v1/enrol`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify(body),
    });
    return (await answer.json()) as Record<string, unknown>;
  };

  beforeEach(async () => {
    between = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => {
        void answerOf(JSON.parse(text)).then((answer) => {
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify(answer));
        });
      });
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(between.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    between.closeAllConnections();
    between.close();
  });

  async function refused(): Promise<void> {
    await kiosk.start();
    kiosk.scan(await enrolmentQr(relay, { relayUrl: url }));
    await kiosk.shows(failed('bad-proof'));
    expect(hasIdentity(kiosk.stateDir)).toBe(false);
  }

  test('with keys of his own', async () => {
    const own = anyKey();
    answerOf = async (body) => {
      const answer = signedEnrolAnswer.parse(await real(body));
      const keys = answer.keys.map((key) => ({
        ...key,
        publicKey: { ...key.publicKey, x: own.pin },
      }));
      return { ...answer, keys };
    };
    await refused();
  });

  test('who enrols himself with the code, and hands the answer on', async () => {
    answerOf = (body) => {
      const { publicKey, ...rest } = enrolBody.parse(body);
      return real({ ...rest, publicKey: { ...publicKey, x: anyKey().pin } });
    };
    await refused();
  });

  test('who takes the signature off', async () => {
    answerOf = async (body) => {
      const { signed: _off, ...answer } = signedEnrolAnswer.parse(await real(body));
      return answer;
    };
    await refused();
  });

  test('who alters what is said beside the signature alters nothing', async () => {
    answerOf = async (body) => ({ ...(await real(body)), brokerUrl: 'mqtts://evil.example' });
    await kiosk.start();
    kiosk.scan(await enrolmentQr(relay, { relayUrl: url }));
    await enrolled();
    expect(readIdentity(kiosk.stateDir).enrolment.brokerUrl).not.toContain('evil');
  });
});

test('a Wi-Fi that is scanned meanwhile does not end the enrolment', async () => {
  const operator = anyKey();
  kiosk.bringOperatorKey(operator.privateKey);
  await kiosk.start();
  const { pin } = relayKeyOf(relay);
  const qr = await enrolmentQr(relay, { pin }, operator);
  await relay.stopRelay();
  kiosk.scan(qr);
  await kiosk.shows(failed('relay-unreachable', true));
  kiosk.scan(signSheet(wifi('rahasia-warung'), operator.privateKey));
  await kiosk.until('the Wi-Fi', () => kiosk.root.calls().some((call) => call.includes('up')));
  await relay.restart();
  await enrolled();
});

describe('a kiosk that was given the key of its operator', () => {
  const operator = anyKey();

  test("takes nobody else's QR, be it ever so whole", async () => {
    kiosk.bringOperatorKey(operator.privateKey);
    await kiosk.start();
    kiosk.scan(await enrolmentQr(relay));
    await kiosk.shows(failed('sheet-unread'));
    const { pin } = relayKeyOf(relay);
    kiosk.scan(await enrolmentQr(relay, { pin }, operator));
    await enrolled();
  });

  test('takes a Wi-Fi before it is enrolled, and none that is older; its password is nowhere but with root', async () => {
    kiosk.bringOperatorKey(operator.privateKey);
    await kiosk.start();
    const qr = signSheet(wifi('rahasia-warung'), operator.privateKey);
    kiosk.scan(qr);
    await kiosk.shows({ at: 'taken' });
    const file = join(kiosk.root.places.connections, 'kios-wifi.nmconnection');
    expect(readFileSync(file, 'utf8')).toContain('psk=rahasia-warung');
    kiosk.scan(signSheet(wifi('another-warung', nowS() - 600), operator.privateKey));
    await kiosk.shows(failed('sheet-used'));
    expect(kiosk.log + kiosk.kept() + kiosk.root.calls().join()).not.toContain('rahasia-warung');
    expect(kiosk.log + kiosk.kept()).not.toContain(qr.slice(0, 40));
  });

  test('a Wi-Fi of a stranger changes nothing', async () => {
    kiosk.bringOperatorKey(operator.privateKey);
    await kiosk.start();
    kiosk.scan(signSheet(wifi('rahasia-warung'), anyKey().privateKey));
    await kiosk.shows(failed('sheet-unread'));
    expect(existsSync(kiosk.root.places.connections)).toBe(false);
  });
});

test('without a key of its operator it takes no Wi-Fi, whoever signed it, and says what it lacks', async () => {
  await kiosk.start();
  const text = signSheet(wifi('rahasia-warung'), relayKeyOf(relay).privateKey);
  kiosk.scan(text);
  await kiosk.shows(failed('no-operator-key'));
  kiosk.scan(text.slice(0, 150));
  await kiosk.shows(failed('sheet-unread'));
  for (const code of ['no-operator-key', 'sheet-unread']) {
    expect(kiosk.log).toContain(`"code":"${code}","again":false,"msg":"set-up.refused"`);
  }
});

function wifi(psk: string, issuedS = nowS()): Sheet {
  return {
    ...{ kind: 'wifi', issuedS, deadlineS: nowS() + dayS, to: { kioskId: 'ksk01' } },
    ...{ ssid: 'Warung', psk, security: 'wpa-psk', hidden: false },
  };
}
