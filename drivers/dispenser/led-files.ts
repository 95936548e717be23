// The files of one LED in sysfs. They answer from the kernel's memory, so no call here waits for a device.
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export type LedFileName = 'trigger' | 'pattern' | 'repeat' | 'brightness' | 'max_brightness';

export interface LedFiles {
  /** @throws what the system throws */
  read(name: LedFileName): string;
  /** One write(2), whole. @throws what the system throws */
  write(name: 'pattern' | 'repeat', text: string): void;
}

export function ledFiles(folder: string): LedFiles {
  return {
    read: (name) => readFileSync(join(folder, name), 'utf8'),
    write: (name, text) => {
      // Without O_CREAT: where the LED is gone no file of that name may come to be.
      const fd = openSync(join(folder, name), constants.O_WRONLY | constants.O_TRUNC);
      try {
        writeSync(fd, text);
      } finally {
        closeSync(fd);
      }
    },
  };
}
