// When the printer is asked for its paper: never in the way of a slip, and never so seldom that a new roll goes unseen.
import { describe, expect, test } from 'vitest';
import { isQuiet } from '../../src/kiosk/printer-watch.ts';
import { Machine, tell } from './machine.ts';

const paper = { qrOn: 'paper' as const, required: ['journal', 'relay', 'printer'] as const };

describe('the printer is asked for its paper', () => {
  test('while nobody is there', () => {
    expect(isQuiet(new Machine(paper).state)).toBe(true);
  });

  test('while a customer is refused for want of it: the next Enter must find the new roll', () => {
    const kiosk = new Machine(paper);
    const health = { ok: false as const, code: 'printer-paper-out' as const };
    kiosk.take({ kind: 'part', part: 'printer', health });
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.phase('blocked').codes).toEqual(['printer-paper-out']);
    expect(isQuiet(kiosk.state)).toBe(true);
  });

  test('never while its QR is out, nor while its receipt may be printing', () => {
    const kiosk = new Machine(paper).showQr();
    expect(isQuiet(kiosk.state)).toBe(false);
    kiosk.take(tell('paid'));
    expect(isQuiet(kiosk.state)).toBe(false);
  });
});
