// Retail codes and GS1 codes: kinds, check digits, the number of an article in each of its forms.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { catalogueNames, checkDigit, readBarcode } from '../../drivers/scanner/barcode.ts';

describe('retail codes', () => {
  test.each([
    // The examples of GS1's own check digit page and of common goods.
    ['6291041500213', { kind: 'ean-13', gtin: '06291041500213' }],
    ['8992761136116', { kind: 'ean-13', gtin: '08992761136116' }],
    ['036000291452', { kind: 'upc-a', gtin: '00036000291452' }],
    ['96385074', { kind: 'ean-8', gtin: '00000096385074' }],
  ])('%s', (text, barcode) => {
    expect(readBarcode({ text })).toEqual(barcode);
    const wrong = `${text.slice(0, -1)}${(Number(text.at(-1)) + 1) % 10}`;
    expect(readBarcode({ text: wrong })).toEqual({ kind: 'bad-check-digit' });
  });

  test('UPC-A and the same article as EAN-13 have one number', () => {
    expect(readBarcode({ text: '036000291452' })).toMatchObject({ gtin: '00036000291452' });
    expect(readBarcode({ text: '0036000291452' })).toMatchObject({ gtin: '00036000291452' });
  });

  test('other lengths, letters and other symbologies are not judged', () => {
    for (const text of ['', '1', '123456789', '12345678901', '12345678901234', '629104150021X']) {
      expect(readBarcode({ text })).toEqual({ kind: 'other' });
    }
    expect(readBarcode({ text: '6291041500210', aim: 'C0' })).toEqual({ kind: 'other' });
    expect(readBarcode({ text: '6291041500210', aim: 'E0' })).toEqual({ kind: 'bad-check-digit' });
  });

  test('any single digit misread is found', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^\d{12}$/),
        fc.nat(12),
        fc.integer({ min: 1, max: 9 }),
        (body, at, by) => {
          const right = `${body}${checkDigit(body)}`;
          expect(readBarcode({ text: right }).kind).toBe('ean-13');
          const digit = (Number(right.charAt(at)) + by) % 10;
          const misread = `${right.slice(0, at)}${digit}${right.slice(at + 1)}`;
          expect(readBarcode({ text: misread }).kind).toBe('bad-check-digit');
        },
      ),
    );
  });
});

describe('UPC-E', () => {
  test.each([
    // By the last of the six digits: 0 to 2, 3, 4, 5 to 9.
    ['04252614', '042100005264'],
    ['01234531', '012300000451'],
    ['01234543', '012340000053'],
    ['01234558', '012345000058'],
  ])('%s is the UPC-A %s', (short, upcA) => {
    const right = `${upcA.slice(0, -1)}${checkDigit(upcA.slice(0, -1))}`;
    const text = `${short.slice(0, -1)}${right.at(-1)}`;
    expect(readBarcode({ text, aim: 'E0' })).toEqual({ kind: 'upc-e', gtin: `00${right}` });
  });

  test('eight digits that are right as EAN-8 are EAN-8, unless the scanner says otherwise', () => {
    expect(readBarcode({ text: '96385074' }).kind).toBe('ean-8');
    expect(readBarcode({ text: '01000054' })).toEqual({ kind: 'ean-8', gtin: '00000001000054' });
    expect(readBarcode({ text: '01000054', aim: 'E0' })).toEqual({
      kind: 'upc-e',
      gtin: '00010000000054',
    });
    expect(readBarcode({ text: '04252614' })).toEqual({ kind: 'upc-e', gtin: '00042100005264' });
    expect(readBarcode({ text: '04252614', aim: 'E4' })).toEqual({ kind: 'bad-check-digit' });
  });
});

describe('codes on cartons and codes that say what they carry', () => {
  const gtin = '08992761136116';

  test('ITF-14 is judged where it checks, and is any number where it does not', () => {
    expect(readBarcode({ text: '18992761136113', aim: 'I1' })).toEqual({
      kind: 'itf-14',
      gtin: '18992761136113',
    });
    expect(readBarcode({ text: '18992761136110', aim: 'I0' })).toEqual({ kind: 'other' });
    expect(readBarcode({ text: '18992761136113', aim: 'C0' })).toEqual({ kind: 'other' });
  });

  test.each([
    ['GS1-128 of an article', { text: `01${gtin}`, aim: 'C1' }],
    ['with date, batch and serial', { text: `01${gtin}1726123110ABC\x1d21XYZ`, aim: 'C1' }],
    ['the article last', { text: `10ABC\x1d3103001500\x1d01${gtin}`, aim: 'C1' }],
    ['GS1 DataMatrix that begins with its separator', { text: `\x1d01${gtin}`, aim: 'd2' }],
    ['GS1 QR', { text: `01${gtin}`, aim: 'Q3' }],
    ['DataBar', { text: `01${gtin}`, aim: 'e0' }],
    ['without an AIM identifier, by its separators', { text: `01${gtin}10A\x1d21B` }],
    ['without an AIM identifier, alone', { text: `01${gtin}` }],
    ['Digital Link', { text: `https://id.gs1.org/01/${gtin}?10=A`, aim: 'Q1' }],
  ])('%s', (_name, scan) => {
    expect(readBarcode(scan)).toEqual({ kind: 'gs1', gtin });
  });

  test('a wrong check digit is told; a code without an article, or of another family, is any code', () => {
    expect(readBarcode({ text: '0108992761136110', aim: 'C1' })).toEqual({
      kind: 'bad-check-digit',
    });
    expect(readBarcode({ text: '10ABC\x1d21XYZ', aim: 'C1' })).toEqual({ kind: 'other' });
    expect(readBarcode({ text: `02${gtin}3712`, aim: 'C1' })).toEqual({ kind: 'other' });
    expect(readBarcode({ text: `01${gtin}`, aim: 'C0' })).toEqual({ kind: 'other' });
    expect(readBarcode({ text: 'https://example.com/01/2', aim: 'Q1' })).toEqual({ kind: 'other' });
  });

  test('an add-on of two or five digits does not hide the article', () => {
    expect(readBarcode({ text: '629104150021305', aim: 'E3' })).toMatchObject({ kind: 'ean-13' });
    expect(readBarcode({ text: '629104150021300599', aim: 'E3' })).toMatchObject({
      kind: 'ean-13',
    });
  });
});

describe('the names of what was read in a catalogue', () => {
  test.each([
    ['036000291452', ['036000291452', '0036000291452', '00036000291452']],
    ['8992761136116', ['8992761136116', '08992761136116']],
    ['96385074', ['96385074', '0000096385074', '000096385074', '00000096385074']],
    ['voucher-1', ['voucher-1']],
  ])('%s', (text, names) => {
    expect(catalogueNames({ text })).toEqual(names);
  });

  test('a carton is not the piece in it: its number has no shorter form', () => {
    expect(catalogueNames({ text: '18992761136113' })).toEqual(['18992761136113']);
  });

  test('no text ever throws', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.option(fc.string({ maxLength: 2 }), { nil: undefined }),
        (text, aim) => {
          const names = catalogueNames(aim === undefined ? { text } : { text, aim });
          expect(names[0]).toBe(text);
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('0', '1', '2', '3', '9', '\x1d'), maxLength: 60 }),
        (text) => {
          catalogueNames({ text, aim: 'C1' });
        },
      ),
    );
  });
});
