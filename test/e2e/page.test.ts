// The bench page in a real browser, with the hands of a person who has never seen it.
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startDemo, type Demo } from './house.ts';

const executablePath = '/usr/bin/chromium';
/** Longer than any step takes on a busy machine. */
const limitMs = 20_000;

// Debian's package `chromium`.
describe.skipIf(!existsSync(executablePath))('the page in Chromium', () => {
  let demo: Demo;
  let browser: Browser;
  let page: Page;
  let url: string;
  const complaints: string[] = [];
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    closing.push(async () => browser.close());
    demo = startDemo();
    closing.push(async () => demo[Symbol.asyncDispose]());
    url = await demo.opened();
  });
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
  });
  beforeEach(async () => {
    complaints.length = 0;
    page = await browser.newPage({ viewport: { width: 1366, height: 768 } });
    page.setDefaultTimeout(limitMs);
    page.on('pageerror', (error) => complaints.push(error.message));
    // A refused payment is an answer, which Chromium reports as a failed request.
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('409')) {
        complaints.push(message.text());
      }
    });
    await page.goto(url);
    await page.locator('body[data-stage=open]').waitFor();
    await page.locator('canvas[data-dark=false]').waitFor();
  });
  afterEach(async () => {
    await page.keyboard.press('Enter'); // Puts the result away.
    await page.close();
    expect(complaints).toEqual([]);
  });

  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.locator(`[data-key="${key}"]`).click();
  };
  /** A switch follows what the page is told by the demo, so its click is only the question. */
  const turn = async (name: string, on: boolean): Promise<void> => {
    const found = page.locator(`[data-switch=${name}]`);
    if ((await found.isChecked()) !== on) await found.click();
    await expect.poll(() => found.isChecked(), { timeout: limitMs }).toBe(on);
  };
  const phone = async (view: 'camera' | 'bill' | 'done'): Promise<void> =>
    page.locator(`#phone[data-view=${view}]`).waitFor();
  /** Slips come out after the money: a test that leaves one behind makes the next count wrong. */
  const slips = async (): Promise<number> => page.locator('.slip').count();
  const slipAfter = async (count: number): Promise<void> =>
    page.locator('.slip').nth(count).waitFor();
  /** Types until there is a bill: a claim's code stays for a while, whatever is pressed. */
  const billFor = async (amount: string): Promise<void> =>
    vi.waitFor(
      async () => {
        for (const key of ['Enter', 'Delete']) await page.keyboard.press(key);
        await page.keyboard.type(amount);
        await page.keyboard.press('Enter');
        await page.locator('#phone[data-view=bill]').waitFor({ timeout: 2000 });
      },
      { timeout: limitMs, interval: 100 },
    );
  const box = async (part: string): Promise<{ y: number; width: number; height: number }> => {
    const found = await page.locator(part).boundingBox();
    if (found === null) throw new Error(`${part} cannot be seen`);
    return found;
  };
  /** The colour of the screen's upper corner, as a person sees it: green says that the money is here. */
  const green = async (): Promise<void> => {
    await expect
      .poll(
        async () => {
          const picture = sharp(await page.locator('#screen').screenshot());
          // Well inside: the edge of the glass is round.
          const spot = picture.extract({ left: 20, top: 20, width: 1, height: 1 });
          const [red = 0, green = 0, blue = 0] = await spot.removeAlpha().raw().toBuffer();
          return green > 2 * red && green > 1.5 * blue;
        },
        { timeout: limitMs },
      )
      .toBe(true);
  };

  test('15000, Bayar, paid with the phone: the screen says so, goods fall, the receipt comes', async () => {
    await press('1', '5', '000', 'enter');
    await phone('bill');
    expect(await page.locator('#merchant').innerText()).toBe('KIOS CONTOH');
    expect(await page.locator('#amount').innerText()).toBe('Rp 15.000');
    const before = await slips();
    await page.locator('#pay').click();
    await Promise.all([
      phone('done'),
      green(),
      page.locator('#goods.moving').waitFor(),
      slipAfter(before),
    ]);
    expect(await page.locator('#pulses').innerText()).toBe('1');
    const width = page.locator('.slip img').first();
    await expect
      .poll(async () => width.evaluate((image: { naturalWidth: number }) => image.naturalWidth))
      .toBeGreaterThan(384);
  });

  test('a barcode and the keyboard do the same; declined on the phone it can still be paid', async () => {
    await page.locator('.product', { hasText: 'Teh botol' }).click();
    await page.keyboard.press('Enter');
    await phone('bill');
    expect(await page.locator('#amount').innerText()).toBe('Rp 6.000');
    await page.locator('#decline').click();
    await page.locator('#said', { hasText: 'Ditolak' }).waitFor();
    expect(await page.locator('#said').innerText()).not.toContain('·');
    const [words, button] = await Promise.all([box('#said'), box('#pay')]);
    expect(words.y + words.height).toBeLessThanOrEqual(button.y);
    const [glass, lowest] = await Promise.all([box('#phone'), box('#late')]);
    expect(lowest.y + lowest.height + 10).toBeLessThan(glass.y + glass.height);
    const before = await slips();
    await page.locator('#pay').click();
    await Promise.all([phone('done'), green(), slipAfter(before)]);
  });

  test('that a declined QR still works is said no longer when it has gone', async () => {
    await press('7', '000', 'enter');
    await phone('bill');
    await page.locator('#decline').click();
    await page.locator('#said', { hasText: 'masih berlaku' }).waitFor();
    await press('cancel');
    await page.locator('.lost').waitFor();
    expect(await page.locator('#said').innerText()).toBe('');
  });

  test('what is wrong with the printer stands on the printer', async () => {
    const paper = page.locator('[data-switch=paper-out]');
    const plug = page.locator('[data-switch=printer-unplugged]');
    await paper.check();
    await page.locator('.no-paper').waitFor();
    await plug.check();
    await page.locator('.no-plug').waitFor();
    expect(await page.locator('.no-paper').isVisible()).toBe(false);
    await plug.uncheck();
    await page.locator('.no-paper').waitFor();
    await paper.uncheck();
    await page.locator('.no-paper').waitFor({ state: 'hidden' });
  });

  test('each key carries the sign by which the screen calls it', async () => {
    for (const [key, sign] of [
      ['enter', 'Enter'],
      ['backspace', '⌫'],
      ['cancel', 'Esc'],
      ['language', '/'],
    ] as const) {
      expect(await page.locator(`[data-key=${key}] kbd`).innerText()).toBe(sign);
    }
  });

  test('the columns of the keypad are even in a small window', async () => {
    await page.setViewportSize({ width: 800, height: 600 });
    const widths = await Promise.all(
      ['1', '5', '9', '0', '000'].map(async (key) => (await box(`[data-key="${key}"]`)).width),
    );
    expect(Math.max(...widths) - Math.min(...widths)).toBeLessThan(0.5);
  });

  test('a cancelled QR leaves the screen and is refused; paid late, no goods come', async () => {
    for (const key of '21000') await page.keyboard.press(key);
    await page.keyboard.press('Enter');
    await phone('bill');
    await page.keyboard.press('Escape');
    await page.locator('#phone[data-sees=nothing]').waitFor();
    await page.locator('#pay').click();
    await page.locator('#said', { hasText: 'dibatalkan' }).waitFor();
    const before = await page.locator('#pulses').innerText();
    const paper = await slips();
    await page.locator('#late').click();
    await Promise.all([phone('done'), slipAfter(paper)]); // The slip with the claim.
    // The next sale is served, and only its goods come.
    await page.locator('#finish').click();
    await billFor('9000');
    await page.locator('#pay').click();
    await Promise.all([page.locator('#goods.moving').waitFor(), slipAfter(paper + 1)]);
    expect(await page.locator('#pulses').innerText()).toBe(String(Number(before) + 1));
  });

  test('a jam keeps the goods in, and when it is cleared the kiosk sells again', async () => {
    const pulses = async (): Promise<string> => page.locator('#pulses').innerText();
    const before = await pulses();
    const paper = await slips();
    await turn('dispenser-jam', true);
    // No amount that was paid a moment ago: the kiosk would ask whether it is meant.
    await press('8', '000', 'enter');
    await phone('bill');
    await page.locator('#pay').click();
    await slipAfter(paper); // The slip with the claim.
    await page.locator('#finish').click();
    await turn('dispenser-jam', false);
    await billFor('7000'); // The kiosk takes keys as soon as it has found the board again.
    expect(await page.locator('#amount').innerText()).toBe('Rp 7.000');
    expect(await pulses()).toBe(before);
    await page.locator('#pay').click();
    await page.locator('#goods.moving').waitFor();
    expect(await pulses()).toBe(String(Number(before) + 1));
  });

  test('an unplugged screen is dark, and a plugged one comes back', async () => {
    await turn('display-unplugged', true);
    await page.locator('canvas[data-dark=true]').waitFor();
    await turn('display-unplugged', false);
    await page.locator('canvas[data-dark=false]').waitFor();
  });

  test('a picture that was under way when the screen was unplugged does not light it again', async () => {
    const [asked, answered] = [Promise.withResolvers<null>(), Promise.withResolvers<null>()];
    await page.route('**/screen', async (route) => {
      const response = await route.fetch();
      asked.resolve(null);
      await answered.promise;
      await route.fulfill({ response });
    });
    await press('7');
    await asked.promise;
    await turn('display-unplugged', true);
    await page.locator('canvas[data-dark=true]').waitFor();
    const late = page.waitForResponse('**/screen');
    answered.resolve(null);
    await (await late).finished();
    // Whatever the page makes of the answer it has made of it within two pictures of its own.
    const twoPictures =
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))';
    await page.evaluate(twoPictures);
    expect(await page.locator('canvas').first().getAttribute('data-dark')).toBe('true');
    await turn('display-unplugged', false);
    await page.locator('canvas[data-dark=false]').waitFor();
  });

  test.each([
    [1366, 768],
    [1920, 1080],
  ])('nothing is cut off at %i × %i', async (width, height) => {
    await page.setViewportSize({ width, height });
    for (const part of ['.kiosk', '.keypad', '.printer', '#phone', '.faults', '.outlet']) {
      const box = await page.locator(part).boundingBox();
      expect(box, part).not.toBeNull();
      if (box === null) continue;
      expect(box.x, part).toBeGreaterThanOrEqual(0);
      expect(box.y, part).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width, part).toBeLessThanOrEqual(width);
      expect(box.y + box.height, part).toBeLessThanOrEqual(height);
    }
  });
});

describe.skipIf(!existsSync(executablePath))(
  'the page of a kiosk that gives its QR on paper',
  () => {
    test('the phone sees the slip for as long as it hangs there, and pays it', async () => {
      await using demo = startDemo('--qr-on', 'paper');
      const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
      try {
        const page = await browser.newPage();
        page.setDefaultTimeout(limitMs);
        const pictures: string[] = [];
        page.on('response', (response) => {
          if (response.url().endsWith('/screen')) pictures.push(response.url());
        });
        await page.goto(await demo.opened());
        await page.locator('body[data-stage=open]').waitFor();
        await page.locator('canvas[data-dark=false]').waitFor();
        // A kiosk that has just started may not have asked its printer yet, and refuses once.
        await vi.waitFor(
          async () => {
            for (const key of ['Delete', '1', '5', '0', '0', '0', 'Enter']) {
              await page.keyboard.press(key);
            }
            await page.locator('#phone[data-view=bill][data-sees=qr]').waitFor({ timeout: 5000 });
          },
          { timeout: limitMs, interval: 100 },
        );
        // Pictures of the countdown, of which none shows the QR.
        const before = pictures.length;
        await vi.waitFor(
          () => {
            expect(pictures.length).toBeGreaterThan(before + 3);
          },
          { timeout: limitMs },
        );
        expect(await page.locator('#phone').getAttribute('data-sees')).toBe('qr');
        expect(await page.locator('.lost').isVisible()).toBe(false);
        await page.locator('#pay').click();
        await page.locator('#goods.moving').waitFor();
      } finally {
        await browser.close();
      }
    });
  },
);
