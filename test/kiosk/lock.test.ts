// One kiosk a folder.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockFolder } from '../../src/kiosk/lock.ts';

test('a second kiosk on the same folder is refused in words, and may come when the first is gone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kios-lock-'));
  const first = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(/another kios kiosk runs on/);
  first.release();
  lockFolder(folder).release();
  rmSync(folder, { recursive: true });
});
