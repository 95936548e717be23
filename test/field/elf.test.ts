// The facts of native parts, of both architectures: real files beside what readelf says of them, and broken ones.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ElfError, isElf, readElf } from '../../src/field/elf.ts';
import { nativeFault } from '../../src/field/native-rules.ts';

const packages = join(import.meta.dirname, '../../node_modules');
const real = [
  ['arm64', 'node-hid/prebuilds/HID_hidraw-linux-arm64/node-napi-v4.node'],
  ['x64', 'node-hid/prebuilds/HID_hidraw-linux-x64/node-napi-v4.node'],
  [
    'arm64',
    '@serialport/bindings-cpp/prebuilds/linux-arm64/@serialport+bindings-cpp.armv8.glibc.node',
  ],
  ['x64', '@serialport/bindings-cpp/prebuilds/linux-x64/@serialport+bindings-cpp.glibc.node'],
] as const;
const bytesOf = (file: string): Buffer => readFileSync(join(packages, file));
const [[, arm64File], [, x64File]] = real;

/** The same facts from binutils. */
function readelf(file: string): { alignment: number; glibc: string | undefined } {
  const say = (option: string): string =>
    execFileSync('readelf', ['-W', option, join(packages, file)], { encoding: 'utf8' });
  const alignments = [...say('-l').matchAll(/^ +LOAD .* (0x[0-9a-f]+)$/gm)].map(([, hex]) =>
    Number(hex),
  );
  const versions = [...say('-V').matchAll(/Name: GLIBC_(\d+)\.(\d+)/g)]
    .map(([, major, minor]) => [Number(major), Number(minor)] as const)
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return { alignment: Math.min(...alignments), glibc: versions.at(-1)?.join('.') };
}

/** Where the program headers of a file begin, and how many there are. */
function headers(bytes: Buffer): readonly number[] {
  const start = Number(bytes.readBigUInt64LE(32));
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, n) => start + n * 56);
}

describe('real files', () => {
  test.each(real)('%s: %s is read as readelf reads it', (arch, file) => {
    const { machine, loadAlignment, glibc } = readElf(bytesOf(file));
    const said = readelf(file);
    expect(machine).toBe(arch);
    expect(loadAlignment).toBe(said.alignment);
    expect(glibc && `${glibc.major}.${glibc.minor}`).toBe(said.glibc);
  });

  test.each(real)('%s: %s may go into a bundle', (arch, file) => {
    expect(nativeFault(bytesOf(file), arch)).toBeUndefined();
  });

  test('the runtime itself is read', () => {
    expect(readElf(readFileSync(process.execPath)).glibc).toBeDefined();
  });

  test('what is no ELF file is no fault', () => {
    expect(nativeFault(Buffer.from('#!/bin/sh\n'), 'arm64')).toBeUndefined();
  });
});

describe('what may not go into a bundle', () => {
  test('a part of the other architecture', () => {
    expect(nativeFault(bytesOf(x64File), 'arm64')).toMatch(/^is for x64/);
    expect(nativeFault(bytesOf(arm64File), 'x64')).toMatch(/^is for arm64/);
  });

  test('an arm64 part that is aligned to 4 kB', () => {
    const bytes = bytesOf(arm64File);
    const load = headers(bytes).filter((at) => bytes.readUInt32LE(at) === 1);
    bytes.writeBigUInt64LE(0x1000n, (load.at(-1) ?? 0) + 48);
    expect(nativeFault(bytes, 'arm64')).toMatch(/^is aligned to 0x1000/);
  });

  test('an x64 part that is aligned to 4 kB is no fault: there is no such machine with larger pages', () => {
    const bytes = bytesOf(x64File);
    for (const at of headers(bytes)) {
      if (bytes.readUInt32LE(at) === 1) bytes.writeBigUInt64LE(0x1000n, at + 48);
    }
    expect(nativeFault(bytes, 'x64')).toBeUndefined();
  });

  test.each([
    ['GLIBC_2.37', /^asks for GLIBC 2\.37/],
    ['GLIBC_9.99', /^asks for GLIBC 9\.99/],
    ['GLIBC_2.36', undefined],
  ])('one that asks for %s', (version, fault) => {
    const bytes = bytesOf(arm64File);
    const name = bytes.indexOf('GLIBC_2.17');
    expect(name).toBeGreaterThan(0);
    bytes.write(version, name, 'latin1');
    const found = nativeFault(bytes, 'arm64');
    if (fault === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(fault);
  });
});

describe('broken files', () => {
  test('cut off anywhere: facts or an ElfError, nothing else', () => {
    const whole = bytesOf(x64File);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (length) => {
        const fault = nativeFault(whole.subarray(0, length), 'x64');
        expect(fault === undefined || fault.startsWith('cannot be read')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('changed bytes in the headers: facts or an ElfError, and it ends', () => {
    const whole = bytesOf(arm64File);
    const change = fc.tuple(fc.integer({ min: 4, max: 1023 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of changes) bytes[at] = byte;
        try {
          readElf(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ElfError);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a text, and an empty file, are no ELF', () => {
    expect(isElf(Buffer.from('ELF'))).toBe(false);
    expect(() => readElf(Buffer.alloc(0))).toThrow(ElfError);
  });
});
