// Slips: what stands on them, the claim code, and that every one of them fits its paper.
import { describe, expect, test } from 'vitest';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import type { PrintDocument } from '../../drivers/device.ts';
import { claimCode, formatClaimCode, luhnDigit } from '../../src/protocol/claim-code.ts';
import { claimInScan, scannedClaim } from '../../src/kiosk/redeem.ts';
import { claimSlip, qrSlip, receiptSlip, type SlipContext } from '../../src/kiosk/slips.ts';
import type { OpenSale } from '../../src/kiosk/state.ts';
import { qris, saleA, saleB } from './machine.ts';

const sale: OpenSale = {
  saleId: saleA,
  amountIdr: 24_000,
  items: [{ id: 'kopi', name: 'Kopi susu', priceIdr: 12_000, quantity: 2 }],
  pieces: 2,
  verdict: 'paid',
  bootId: 'boot-1',
};
const context: SlipContext = {
  language: 'id',
  merchant: { name: 'KIOS CONTOH', nmid: 'ID1099000000001' },
  sandbox: false,
  time: '22-11-2026 14:03 WIB',
};
const secret = Buffer.alloc(32, 7).toString('base64url');

function words(document: PrintDocument): string {
  return document.blocks
    .map((block) => {
      if (block.kind === 'text') return block.text;
      return block.kind === 'pair' ? `${block.left} … ${block.right}` : `<${block.kind}>`;
    })
    .join('\n');
}

test('a receipt lists items, total, time and sale', () => {
  const text = words(receiptSlip(sale, context));
  expect(text).toContain('2 x Kopi susu … Rp 24.000');
  expect(text).toContain('TOTAL … Rp 24.000');
  expect(text).toContain('22-11-2026 14:03 WIB');
  expect(text).toContain(saleA);
});

test('a QR slip says how much, to whom and until when', () => {
  const slip = qrSlip(sale, qris(24_000), '22-11-2026 14:06 WIB', { ...context, sandbox: true });
  expect(slip.blocks).toContainEqual({ kind: 'qr', text: qris(24_000) });
  expect(words(slip)).toContain('Berlaku sampai 22-11-2026 14:06 WIB');
  expect(words(slip)).toContain('TEST – JANGAN DIBAYAR');
});

test.each(Object.values(printerProfiles))('every slip can be printed by $name', (profile) => {
  const code = formatClaimCode(claimCode(secret, saleA));
  for (const slip of [
    receiptSlip(sale, context),
    claimSlip(sale, code, context),
    claimSlip(sale, code, { ...context, language: 'en' }, scannedClaim(claimCode(secret, saleA))),
    qrSlip(sale, qris(24_000), context.time, context),
  ]) {
    expect(encodeDocument(slip, profile).length).toBeGreaterThan(50);
  }
});

test('a claim slip says how it is redeemed, and its QR is no payment', () => {
  const code = claimCode(secret, saleA);
  const typed = words(claimSlip(sale, formatClaimCode(code), context));
  expect(typed).toContain('C, 00');
  expect(typed).not.toContain('<qr>');
  const scanned = claimSlip(sale, formatClaimCode(code), context, scannedClaim(code));
  const qr = scanned.blocks.find((block) => block.kind === 'qr');
  expect(claimInScan(qr?.text ?? '')).toBe(code);
  expect(words(scanned)).toContain('Bukan QR pembayaran.');
});

describe('a claim code', () => {
  test('is ten digits and a check digit, the same each time, another for another sale', () => {
    const code = claimCode(secret, saleA);
    expect(code).toMatch(/^\d{11}$/);
    expect(code.at(-1)).toBe(luhnDigit(code.slice(0, 10)));
    expect(claimCode(secret, saleA)).toBe(code);
    expect(claimCode(secret, saleB)).not.toBe(code);
    expect(claimCode(Buffer.alloc(32, 8).toString('base64url'), saleA)).not.toBe(code);
  });

  test('is shown in groups', () => {
    expect(formatClaimCode('12345678901')).toBe('1234 5678 901');
  });

  test('has the check digit of ISO/IEC 7812-1', () => {
    expect(luhnDigit('7992739871')).toBe('3');
  });
});
