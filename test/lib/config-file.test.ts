// Configuration files: every fault at once, with its line, its reason and an example.
import { expect, test } from 'vitest';
import { ConfigError, parseConfig, readConfigFile } from '../../src/lib/config-file.ts';
import { kioskConfig, kioskExamples } from '../../src/kiosk/config.ts';

function faultsOf(text: string): readonly string[] {
  try {
    parseConfig('kiosk.yaml', text, kioskConfig, kioskExamples);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const good = [
  'stateDir: /var/lib/kios',
  'display: { at: "fb:/dev/fb0" }',
  'keypad: { at: "hid:/dev/hidraw0" }',
].join('\n');

test('a good file becomes a configuration with its defaults', () => {
  const config = parseConfig('kiosk.yaml', good, kioskConfig);
  expect(config).toMatchObject({
    stateDir: '/var/lib/kios',
    language: 'id',
    dispenser: { at: 'none' },
  });
});

test('three mistakes give three messages, each with line, path, reason and example', () => {
  const faults = faultsOf(
    [
      'stateDir: /var/lib/kios',
      'language: fr',
      'display:',
      '  at: fb:/dev/fb0',
      '  rotation: 45',
      'pritner: x',
      'keypad: { at: terminal }',
    ].join('\n'),
  );
  expect(faults).toHaveLength(3);
  expect(faults.join('\n')).toMatch(/line 2: language: .*\(for example language: id\)/);
  expect(faults.join('\n')).toMatch(/line 5: display\.rotation: .*\(for example rotation: 90\)/);
  expect(faults.join('\n')).toMatch(/line 6: pritner: unknown key/);
});

test('a missing value is named with an example', () => {
  expect(faultsOf(good.replace('stateDir: /var/lib/kios', 'language: id'))).toEqual([
    expect.stringMatching(/stateDir: .*\(for example stateDir: \/var\/lib\/kios\)/),
  ]);
});

test('what is no YAML is told with its line', () => {
  expect(faultsOf('stateDir: [\n')[0]).toMatch(/line \d+: not YAML/);
});

test('a file that is not there says so', () => {
  expect(() => readConfigFile('/nowhere/kiosk.yaml', kioskConfig)).toThrow(
    /there is no such file: write it .*--config/,
  );
});

test('a file larger than any configuration is refused', () => {
  expect(faultsOf(`stateDir: ${'x'.repeat(1_100_000)}`)[0]).toMatch(/larger than/);
});

test.each([
  ['12.000', /line 5: 12\.000 is read as 12: write 12000 or 12, without a point/],
  ['012000', /line 5: 012000 is read as 12000|Expected|expected/],
])('a price written %s is not taken for another', (price, says) => {
  const text = `${good}\ncatalogue:\n  "8991002101234": { id: kopi, name: Kopi, priceIdr: ${price} }`;
  expect(faultsOf(text).join('\n')).toMatch(says);
});

test('a code that was written without quotes is not repeated', () => {
  const [fault = ''] = faultsOf(`${good}\ntechnicianCode: 0271828`);
  expect(fault).toBe('line 4: technicianCode: put it in quotes');
});

test('a barcode without quotes would lose its zeros and is refused', () => {
  const text = `${good}\ncatalogue:\n  0012345678905: { id: kopi, name: Kopi, priceIdr: 12000 }`;
  expect(faultsOf(text).join('\n')).toMatch(/line 5: put 0012345678905 in quotes/);
});

test.each([
  [
    'a display that is not there',
    'stateDir: /a\nkeypad: { at: "hid:/dev/hidraw0" }',
    /display: qrOn is display/,
  ],
  ['paper without a printer', `${good}\nqrOn: paper`, /printer: qrOn is paper/],
  [
    'a printer that cannot prove a QR slip',
    `${good}\nqrOn: paper\nprinter: { at: "file:/tmp/x", profile: basic-58 }`,
    /printer\.acceptBlindPrinter: /,
  ],
  [
    'nothing to buy with',
    'stateDir: /a\ndisplay: { at: "fb:/dev/fb0" }',
    /keypad: without a keypad/,
  ],
  [
    'two devices on one port',
    `${good}\nscanner: { at: "hid:/dev/hidraw0" }`,
    /two devices are at the same place/,
  ],
  [
    'goods for one rupiah',
    `${good}\ndispenser: { at: "serial:/dev/ttyUSB1" }`,
    /dispenser\.idrPerPulse: a customer who types Rp 1/,
  ],
  [
    'one motor for two prices',
    `${good}\ndispenser: { at: "serial:/dev/ttyUSB1", idrPerPulse: 5000 }\ncatalogue:\n  "1": { id: a, name: A, priceIdr: 1 }\n  "2": { id: b, name: B, priceIdr: 2 }`,
    /dispenser\.anyAmount: one dispenser hands out the same/,
  ],
  [
    'a piece that is cheaper for whoever scans it than for whoever types its price',
    `${good}\ndispenser: { at: "serial:/dev/ttyUSB1", idrPerPulse: 5000 }\ncatalogue:\n  "1": { id: a, name: A, priceIdr: 1 }\n  "2": { id: b, name: B, priceIdr: 1 }`,
    /dispenser\.idrPerPulse: one piece has one price, typed or scanned/,
  ],
  [
    'one motor for whatever a label says',
    `${good}\ndispenser: { at: "serial:/dev/ttyUSB1", idrPerPulse: 5000 }\npriceLabels: { prefixes: ["21"] }\ncatalogue:\n  "2112345": { id: a, name: A }`,
    /dispenser\.anyAmount: one dispenser hands out the same/,
  ],
  [
    'an item that has no price anywhere',
    `${good}\npriceLabels: { prefixes: ["21"] }\ncatalogue:\n  "2212345": { id: a, name: A }`,
    /catalogue: an item without priceIdr/,
  ],
  [
    'a label with more digits than there are',
    `${good}\npriceLabels: { prefixes: ["21"], itemDigits: 6, priceDigits: 5 }`,
    /priceLabels: itemDigits and priceDigits together are at most 10/,
  ],
  [
    'a technician’s code that everybody guesses',
    `${good}\ntechnicianCode: "111111"`,
    /technicianCode: six to ten times the same digit/,
  ],
  ['a path that depends on the folder', 'stateDir: state', /stateDir: write the whole path/],
  ['an address that no driver opens', good.replace('hid:', 'hidd:'), /keypad\.at: "hidd:/],
])('%s is told before the start', (_name, text, says) => {
  expect(faultsOf(text).join('\n')).toMatch(says);
});

test('a flag takes the place of a value and is checked with the file', () => {
  const flags = { 'keypad.at': 'terminal', 'printer.at': 'nonsense' };
  expect(() => parseConfig('kiosk.yaml', good, kioskConfig, kioskExamples, flags)).toThrow(
    /printer\.at: "nonsense"/,
  );
  const config = parseConfig('kiosk.yaml', good, kioskConfig, {}, { 'keypad.at': 'terminal' });
  expect(config.keypad?.at).toBe('terminal');
});

test('what is wrong with a value and what is wrong between values is told in one go', () => {
  const faults = faultsOf('stateDir: /a\nlanguage: fr\nqrOn: paper\ndisplai: x').join('\n');
  for (const says of [
    /language:/,
    /displai: unknown key/,
    /printer: qrOn is paper/,
    /keypad: without/,
  ]) {
    expect(faults).toMatch(says);
  }
});

test.each(['printer:', 'printer: []', 'catalogue: { "1": null }', 'dispenser: 5', '- a\n- b'])(
  '%s is told in words, whatever else the file holds',
  (line) => {
    expect(faultsOf(line.startsWith('-') ? line : `${good}\n${line}`).length).toBeGreaterThan(0);
  },
);

test('a barcode that zod would leave out without a word is refused, with its line', () => {
  const goods = 'catalogue:\n  __proto__: { id: kopi, name: Kopi, priceIdr: 12000 }';
  expect(faultsOf(`${good}\n${goods}`)).toEqual([
    'line 5: catalogue.__proto__: this cannot be a barcode: take it out',
  ]);
});
