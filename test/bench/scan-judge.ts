// The judge of the scan rates: zbar, of Debian's package zbar-tools, which reads what phones read. It is shown JPEGs.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import type { QrMatrix } from '../../drivers/qr-matrix.ts';
import { seededRandom } from '../../src/twin/random.ts';
import { photograph, type Shot } from './scan-camera.ts';

const run = promisify(execFile);
/** `zbarimg` answers so when it has read nothing in one of the pictures. */
const nothingRead = 4;
const qrAlone = ['-q', '--xml', '-Sdisable', '-Sqrcode.enable'];
const maxOutputBytes = 4 * 1024 * 1024;

/** Why nothing can be judged here; undefined: it can. */
export async function judgeMissing(): Promise<string | undefined> {
  return run('zbarimg', ['--version']).then(
    () => undefined,
    () => 'zbarimg is missing: apt-get install zbar-tools',
  );
}

/** So many photographs of one symbol, each by another chance; how many of them say `text`. */
export interface Trial {
  matrix: QrMatrix;
  text: string;
  sidePx: number;
  shot: Shot;
  trials: number;
}

export async function readings({ matrix, text, sidePx, shot, trials }: Trial): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'kios-scan-'));
  try {
    const files: string[] = [];
    for (let trial = 0; trial < trials; trial++) {
      // The same hand and the same lamp for every level and side.
      const { side, grey } = photograph(matrix, sidePx, shot, seededRandom(1000 + trial));
      const file = join(folder, `${trial}.jpg`);
      const raw = { width: side, height: side, channels: 1 } as const;
      await sharp(grey, { raw }).jpeg({ quality: shot.jpegQuality }).toFile(file);
      files.push(file);
    }
    return (await textsIn(files)).filter((read) => read === text).length;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Every QR that zbar finds in these pictures. Texts of digits and capitals alone: nothing in them is escaped. */
async function textsIn(files: readonly string[]): Promise<string[]> {
  const xml = await run('zbarimg', [...qrAlone, ...files], { maxBuffer: maxOutputBytes }).then(
    ({ stdout }) => stdout,
    (error: unknown) => {
      const { code, stdout } = error as { code?: unknown; stdout?: unknown };
      if (code !== nothingRead || typeof stdout !== 'string') throw error;
      return stdout;
    },
  );
  return [...xml.matchAll(/<!\[CDATA\[(.*?)\]\]>/gs)].map(([, text]) => text ?? '');
}
