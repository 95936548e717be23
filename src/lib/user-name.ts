// Who runs this process, for messages about files that it may not open.
import { userInfo } from 'node:os';

/** Its name, or its number where it has none. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
