// Addresses of pulsed dispensers: what each option means, and the sentence for each mistake.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { parsePulseAddress } from '../../drivers/dispenser/pulse-address.ts';
import { parseInputAddress } from '../../drivers/keypad/line.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';

const shape = { pulseMs: 100, gapMs: 150, pulsesPerItem: 1 };

test.each([
  [
    'led:/sys/class/leds/kios-vend',
    { place: { kind: 'led', folder: '/sys/class/leds/kios-vend' }, shape },
  ],
  [
    'led:/sys/class/leds/input3::scrolllock?pulseMs=60&gapMs=200&pulsesPerItem=5',
    {
      place: { kind: 'led', folder: '/sys/class/leds/input3::scrolllock' },
      shape: { pulseMs: 60, gapMs: 200, pulsesPerItem: 5 },
    },
  ],
  [
    'gpio:pinctrl-bcm2711/17?activeLow=1',
    {
      place: {
        ...{ kind: 'gpio', place: { label: 'pinctrl-bcm2711', offset: 17 } },
        ...{ activeLow: true, releases: false },
      },
      shape,
    },
  ],
  [
    'led:/sys/class/leds/kios-vend?drop=pinctrl-rp1/27&dropMs=5000&dropEdge=rising',
    {
      place: { kind: 'led', folder: '/sys/class/leds/kios-vend' },
      shape,
      drop: { place: { label: 'pinctrl-rp1', offset: 27 }, edge: 'rising', dropMs: 5000 },
    },
  ],
  [
    'hidrelay:/dev/kios/hid-a-0:1.1:1.0?channel=2',
    { place: { kind: 'hidrelay', path: '/dev/kios/hid-a-0:1.1:1.0', channel: 2 }, shape },
  ],
  [
    'lcus:serial:/dev/kios/serial-x?baudRate=115200',
    {
      place: {
        kind: 'lcus',
        port: { kind: 'serial', path: '/dev/kios/serial-x', baudRate: 115_200, rtscts: false },
        channel: 1,
      },
      shape,
    },
  ],
  [
    'modbus:tcp:10.0.0.7:502?unit=3&channel=8',
    {
      place: {
        kind: 'modbus',
        port: { kind: 'tcp', host: '10.0.0.7', port: 502 },
        unit: 3,
        channel: 8,
      },
      shape,
    },
  ],
])('%s', (at, meant) => {
  expect(parsePulseAddress(at)).toEqual(meant);
});

test('a vend board on the network is named with its port: without one it would be a printer', () => {
  expect(() => createDispenser({ at: 'tcp:10.0.0.7', clock })).toThrow(/tcp:HOST:PORT/);
  expect(() => parseInputAddress('tcp:10.0.0.7')).toThrow(/tcp:HOST:PORT/);
});

test.each(['none', 'serial:/dev/ttyUSB0', 'tcp:a:1', 'Led:/x', ''])(
  '%j is of another kind',
  (at) => {
    expect(parsePulseAddress(at)).toBeUndefined();
  },
);

describe('a mistake is told with how it is written', () => {
  test.each([
    ['led:kios-vend', /no folder of an LED/],
    ['led:/sys/class/leds/../../etc', /no folder of an LED/],
    ['led:/', /no folder of an LED/],
    ['modbus:tcp:10.0.0.7?unit=1', /name its port, as tcp:HOST:PORT/],
    ['lcus:tcp:10.0.0.7', /name its port, as tcp:HOST:PORT/],
    ['led:/sys/class/leds/a?pulsems=100', /"pulsems" is unknown/],
    ['led:/sys/class/leds/a?pulseMs=100&pulseMs=200', /"pulseMs" is unknown or twice/],
    ['led:/sys/class/leds/a?channel=1', /"channel" is unknown/],
    ['led:/sys/class/leds/a?pulseMs=4', /pulseMs is a whole number from 5 to 10000/],
    ['led:/sys/class/leds/a?pulseMs=1e2', /pulseMs is a whole number/],
    ['led:/sys/class/leds/a?pulsesPerItem=0', /pulsesPerItem/],
    ['led:/sys/class/leds/a?pulsesPerItem=41', /one item takes longer than 10 s/],
    ['gpio:0/17', /label of its chip/],
    ['gpio:gpiochip0/17', /label of its chip/],
    ['gpio:pinctrl-bcm2711', /label of its chip/],
    ['led:/sys/class/leds/a?drop=17', /label of its chip/],
    ['led:/sys/class/leds/a?drop=c/1&dropEdge=both', /falling or rising/],
    ['hidrelay:hid-a', /whole path/],
    ['hidrelay:/dev/hidraw0?channel=9', /channel is a whole number from 1 to 8/],
    ['modbus:unix:/x?pulseMs=150', /steps of 100/],
    ['modbus:unix:/x?unit=248', /unit/],
    ['lcus:/dev/ttyUSB0', /"\/dev\/ttyUSB0" is no port.*; write lcus:serial:/],
    ['modbus:/dev/ttyUSB0', /is no port.*; write modbus:serial:/],
    ['led:/sys/class/leds/a?dropMs=3000', /dropMs .*drop=CHIP\/LINE is missing/],
    ['led:/sys/class/leds/a?dropEdge=rising', /dropEdge .*drop=CHIP\/LINE is missing/],
  ])('%s', (at, sentence) => {
    expect(() => parsePulseAddress(at)).toThrow(sentence);
    expect(() => parsePulseAddress(at)).toThrow(/write /);
  });
});

test.each(['config/kiosk.example.yaml', 'docs/wiring.md'])(
  'what %s shows is understood',
  (page) => {
    const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
    const shown = [
      ...text.matchAll(/(?<![\w…])(?:led|modbus|lcus|hidrelay):[\w:]*\/\S*\?[\w=&]+\b(?!…)/g),
    ];
    expect(shown.length).toBeGreaterThan(0);
    for (const [at] of shown) expect(parsePulseAddress(at)).toBeDefined();
  },
);
