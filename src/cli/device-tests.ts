// Tests of a device that need a person: press this, scan this, read this. Nothing is handed over but by `testDispenser`, and
// there only after a yes.
import { wait, type Clock } from '../lib/clock.ts';
import type { KioskConfig } from '../kiosk/config.ts';
import type { Language } from '../kiosk/words.ts';
import type { Device, Display, Key, PrintDocument, Scan } from '../../drivers/device.ts';
import { createDispenser } from '../../drivers/dispenser/dispenser.ts';
import { createDisplay } from '../../drivers/display/display.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import { profileOf } from '../../drivers/printer/profiles.ts';
import { testPage } from '../../drivers/printer/test-page.ts';
import { printerCode } from '../kiosk/printer-watch.ts';
import { createScanner } from '../../drivers/scanner/scanner.ts';
import { makePrinter, withDevice } from './doctor-devices.ts';
import { fault, look, skipped, well, type Finding } from './finding.ts';
import type { Person } from './person.ts';

/** Time enough to walk to the machine. */
const handLimitMs = 30_000;
/** The longest that a motor of one piece may run; the driver's own limits are shorter. */
const dispenseLimitMs = 60_000;
/** Keys that came instead are listed, not kept without end. */
const maxOtherKeys = 20;
/** Of what was read. */
const maxShownLength = 60;

export interface Testing {
  config: KioskConfig;
  clock: Clock;
  person: Person;
  language: Language;
  random: () => number;
  /** Calls the test off. What moves is stopped and let go of first. */
  signal: AbortSignal;
}

const words = {
  press: ['Tekan 5 di keypad kios.', 'Press 5 on the keypad of the kiosk.'],
  scan: ['Pindai satu barcode.', 'Scan a barcode.'],
  read: ['Angka berapa yang tampak di layar kios?', 'Which number does the screen show?'],
  vend: [
    'Satu barang akan keluar, tanpa dibayar. Ketik yes:',
    'One piece comes out, unpaid. Type yes:',
  ],
  fell: ['Apakah barangnya keluar? (yes/no)', 'Did it come out? (yes/no)'],
} as const;

const said = ({ language }: Testing, word: keyof typeof words): string =>
  words[word][language === 'id' ? 0 : 1];

const none = (check: string): Finding => skipped(check, 'there is none in the configuration');
const isTerminal = (check: string): Finding => skipped(check, 'a terminal is not tested');

/** A 5 must come, as it does for a customer. */
export async function testKeypad(testing: Testing): Promise<Finding> {
  const { config, clock, person, signal } = testing;
  if (config.keypad === undefined) return none('keypad');
  const { at } = config.keypad;
  if (at === 'terminal') return isTerminal('keypad');
  const others: Key[] = [];
  const five = Promise.withResolvers<true>();
  const onKey = (key: Key): void => {
    if (key === '5') five.resolve(true);
    else if (others.length < maxOtherKeys) others.push(key);
  };
  const keypad = createKeypad({ at, onKey, clock });
  const work = async (): Promise<Finding> => {
    person.tell(said(testing, 'press'));
    const isFive = await within(five.promise, keypad, { clock, limitMs: handLimitMs, signal });
    if (isFive === true) return well('keypad', `${keypad.name}: 5 came`);
    if (signal.aborted) return skipped('keypad', 'called off');
    const came = others.length === 0 ? 'nothing came' : `5 did not come, but ${others.join(' ')}`;
    return fault('keypad', 'keypad-silent', `${keypad.name}: ${came}`);
  };
  return withDevice('keypad', keypad, work, signal);
}

/** Any barcode; what it reads is told, so that prefix and suffix are seen. */
export async function testScanner(testing: Testing): Promise<Finding> {
  const { config, clock, person, signal } = testing;
  if (config.scanner === undefined) return none('scanner');
  const { at } = config.scanner;
  const read = Promise.withResolvers<Scan>();
  const scanner = createScanner({ ...config.scanner, clock, onScan: read.resolve });
  const work = async (): Promise<Finding> => {
    person.tell(said(testing, 'scan'));
    const scan = await within(read.promise, scanner, { clock, limitMs: handLimitMs, signal });
    if (scan !== undefined) return readingFinding(scan.text, at);
    if (signal.aborted) return skipped('scanner', 'called off');
    const detail = scanner.health().detail ?? `${scanner.name}: nothing came`;
    return fault('scanner', 'scanner-silent', detail);
  };
  return withDevice('scanner', scanner, work, signal);
}

/** A line at another baud rate reads as something too, but no barcode of an article has such characters. */
function readingFinding(text: string, at: string): Finding {
  const came = `read ${JSON.stringify(text.slice(0, maxShownLength))}`;
  if (isPlainReading(text)) return well('scanner', came);
  const mend = at.startsWith('hid:')
    ? 'is its keyboard language set to US English?'
    : 'is baudRate the one of the scanner?';
  return look('scanner', 'device-complains', `${came}: ${mend}`);
}

/** Printable ASCII, and the GS by which GS1 codes end a field. */
const isPlainReading = (text: string): boolean =>
  Array.from(text).every((one) => (one >= ' ' && one <= '~') || one === '\u001d');

/** A number that only the screen knows: whoever can type it has seen it. */
export async function testScreen(testing: Testing): Promise<Finding> {
  const { config, clock, person, random, signal } = testing;
  if (config.display === undefined) return none('display');
  const { at, rotation, panelWidthMm } = config.display;
  if (at === 'terminal') return isTerminal('display');
  const panel = panelWidthMm === undefined ? {} : { panelWidthMm };
  const display = createDisplay({ at, clock, rotation, ...panel });
  const work = async (): Promise<Finding> => {
    const number = String(1000 + Math.floor(random() * 9000));
    await showNumber(display, number);
    const answer = await person.ask(said(testing, 'read'));
    if (answer === undefined) return skipped('display', 'nobody answered');
    const { width, height } = display.geometry;
    const detail = `${display.name}, ${width}×${height}`;
    if (answer === number) return well('display', `${detail}: read from the screen`);
    return fault('display', 'display-unseen', `${detail} shows ${number}, and ${answer} was typed`);
  };
  return withDevice('display', display, work, signal);
}

async function showNumber(display: Display, number: string): Promise<void> {
  const { geometry } = display;
  const frame = createRenderer({ geometry }).render({
    ...{ tone: 'neutral', merchant: 'KIOS TEST', heading: 'KIOS TEST', amount: number },
    lines: ['Ketik angka ini. / Type this number.'],
    // No wallet takes this text for money.
    qr: { text: 'KIOS TEST - BUKAN PEMBAYARAN', lines: [] },
    hints: [],
  });
  await display.show(frame);
}

export async function testPrinter(testing: Testing): Promise<Finding> {
  const { config, clock, signal } = testing;
  if (config.printer === undefined) return none('printer');
  return printOn(config.printer, clock, testPage(profileOf(config.printer)), signal);
}

/** Prints a document on the kiosk's printer and tells what became of it. */
export async function printOn(
  settings: NonNullable<KioskConfig['printer']>,
  clock: Clock,
  document: PrintDocument,
  signal = new AbortController().signal,
): Promise<Finding> {
  const printer = makePrinter(settings, clock);
  const work = async (): Promise<Finding> => {
    const outcome = await printer.print(document, signal);
    if (outcome.result === 'failed') {
      return fault('printer', printerCode(outcome.error), outcome.error.message);
    }
    if (outcome.result === 'printed')
      return well('printer', `${printer.name} has printed: look at it`);
    if (profileOf(settings).proof === 'none') {
      return well('printer', `${printer.name} took it and proves nothing: look at the paper`);
    }
    return look('printer', 'device-complains', `${printer.name} did not prove its page`);
  };
  return withDevice('printer', printer, work, signal);
}

/** One piece, for nobody. Only after a yes that was typed. Called off in the middle it is `unknown`, and no relay stays on. */
export async function testDispenser(testing: Testing): Promise<Finding> {
  const { config, clock, person, random, signal } = testing;
  const { at } = config.dispenser;
  if (at === 'none') return none('dispenser');
  if ((await person.ask(said(testing, 'vend'))) !== 'yes')
    return skipped('dispenser', 'not confirmed');
  const dispenser = createDispenser({ at, clock });
  const work = async (): Promise<Finding> => {
    // Boards remember orders by their id: a test of before must not answer for this one.
    const id = `test-${Math.floor(random() * 1e12)}`;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(dispenseLimitMs)]);
    const result = await dispenser.dispense({ id, pieces: 1 }, limit);
    const detail = `${dispenser.name} says ${result}`;
    if (result === 'failed') return fault('dispenser', 'dispenser-failed', detail);
    if (result === 'unknown') return fault('dispenser', 'dispenser-unknown', detail);
    const answer = await person.ask(said(testing, 'fell'));
    if (answer === 'yes') return well('dispenser', `${detail}, and it came out`);
    if (answer === undefined)
      return look('dispenser', 'dispenser-unknown', `${detail}; nobody looked`);
    return fault('dispenser', 'dispenser-failed', `${detail}, and nothing came out`);
  };
  return withDevice('dispenser', dispenser, work, signal);
}

/** Undefined when it did not come in time, the device went away, or the test was called off. */
async function within<T>(
  coming: Promise<T>,
  device: Device,
  { clock, limitMs, signal }: { clock: Clock; limitMs: number; signal: AbortSignal },
): Promise<T | undefined> {
  const over = new AbortController();
  try {
    const late = wait(clock, limitMs, AbortSignal.any([signal, over.signal])).then(() => undefined);
    const gone = device.closed.then(() => undefined);
    return await Promise.race([coming, late, gone]);
  } finally {
    over.abort();
  }
}
