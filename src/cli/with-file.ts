// Files that the person at the terminal has named: what the system refuses is said in one line with their name, never as a
// trace.
import { KiosError } from '../protocol/errors.ts';

/** Does something to a file. @throws KiosError that names it, for what the system refuses */
export function withFile<T>(file: string, work: (file: string) => T): T {
  try {
    return work(file);
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    const why =
      'code' in error && error.code === 'EEXIST'
        ? 'is there already, and nothing is overwritten: choose another name, or remove it'
        : `cannot be used: ${error.message}`;
    throw new KiosError('bad-request', `${file} ${why}`, error);
  }
}
