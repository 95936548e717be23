// What libgpiod's tools are told and say, of both generations: options from their help texts, output from their sources.
import { expect, test } from 'vitest';
import {
  chipsOf,
  gpiomonArgs,
  gpioOffArgs,
  gpiosetCalls,
  isBanner,
  parseEdgeMs,
  parseToolVersion,
  persistSwitch,
} from '../../drivers/dispenser/gpio-tools.ts';

const train = { pulses: 3, pulseMs: 100, gapMs: 150 };
const line = { chip: 'gpiochip0', offset: 17, activeLow: false };

test('the generation is in the first line of --version', () => {
  expect(parseToolVersion('gpioset (libgpiod) v1.6.3\nCopyright (C) 2017-2018\n')).toBe(1);
  expect(parseToolVersion('gpioset (libgpiod) v2.2.1\n')).toBe(2);
  expect(parseToolVersion('gpioset (libgpiod) v3.0\n')).toBeUndefined();
  expect(parseToolVersion('')).toBeUndefined();
});

test('a chip is found by its label', () => {
  const said =
    'gpiochip0 [pinctrl-bcm2711] (58 lines)\ngpiochip1 [raspberrypi-exp-gpio] (8 lines)\n' +
    'gpiochip2 [twin] (1 line)\ngpiochip3 [twin] (8 lines)\n';
  expect(chipsOf(said, 'pinctrl-bcm2711')).toEqual(['gpiochip0']);
  expect(chipsOf(said, 'twin')).toEqual(['gpiochip2', 'gpiochip3']);
  expect(chipsOf(said, 'gpiochip0')).toEqual([]);
});

test('2.x makes the whole train in one process and ends off', () => {
  expect(gpiosetCalls(2, line, train)).toEqual([
    {
      args: ['-c', 'gpiochip0', '-t', '100ms,150ms,100ms,150ms,100ms,0', '17=1'],
      gapMs: 150,
    },
  ]);
  expect(gpiosetCalls(2, { ...line, activeLow: true }, { ...train, pulses: 1 })).toEqual([
    { args: ['-c', 'gpiochip0', '--active-low', '-t', '100ms,0', '17=1'], gapMs: 150 },
  ]);
});

test('1.x makes one pulse a process, which leaves the line on, and another one switches it off', () => {
  const calls = gpiosetCalls(1, line, { ...train, pulseMs: 1250 });
  expect(calls).toHaveLength(6);
  expect(calls.slice(0, 2)).toEqual([
    { args: ['--mode=time', '--sec=1', '--usec=250000', 'gpiochip0', '17=1'], gapMs: 0 },
    { args: ['--mode=exit', 'gpiochip0', '17=0'], gapMs: 150 },
  ]);
});

test('a line that is active when low is off when high', () => {
  const low = { ...line, activeLow: true };
  expect(gpioOffArgs(1, low).join(' ')).toBe('--mode=exit --active-low gpiochip0 17=0');
  expect(gpioOffArgs(2, low).join(' ')).toBe('-c gpiochip0 --active-low -t 0 17=0');
});

test('edges are asked for with the time of each', () => {
  const drop = { chip: 'gpiochip0', offset: 27, edge: 'falling' as const };
  expect(gpiomonArgs(2, drop).join(' ')).toBe('--banner -c gpiochip0 -e falling -F %S 27');
  expect(gpiomonArgs(1, drop).join(' ')).toBe('--falling-edge --format=%s %n gpiochip0 27');
  expect(parseEdgeMs('1234 5000000')).toBe(1_234_005); // 1.x does not pad the nanoseconds.
  expect(parseEdgeMs('1234.005000000')).toBe(1_234_005);
  for (const other of ['', 'Monitoring line 27 ...', '1234.5', 'x 1', '1 2 3']) {
    expect(parseEdgeMs(other)).toBeUndefined();
  }
  expect(isBanner('Monitoring line 27 ...')).toBe(true);
});

test("only the Pi's chips have a switch that says what becomes of a released line", () => {
  expect(persistSwitch('pinctrl-bcm2711')).toBe('pinctrl_bcm2835');
  expect(persistSwitch('pinctrl-bcm2835')).toBe('pinctrl_bcm2835');
  expect(persistSwitch('pinctrl-rp1')).toBe('pinctrl_rp1');
  expect(persistSwitch('cp2112_gpio')).toBeUndefined();
});
