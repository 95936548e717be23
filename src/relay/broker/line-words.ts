// Why the broker outside could not be reached, in words for whoever set it up, with the setting to look at.
import { certificateWords } from '../tls-words.ts';

/** MQTT 3.1.1 §3.2.2.3: bad user name or password, not authorised. */
const refusals: readonly unknown[] = [4, 5];

/** Never with a secret. `setting`: where to look first. */
export function lineWords(error: Error): { setting: string; error: string } {
  const code = 'code' in error ? error.code : undefined;
  const certificate = certificateWords(String(code));
  if (certificate !== undefined) return { setting: 'broker.caFile', error: certificate };
  if (refusals.includes(code)) {
    return {
      setting: 'broker.passwordFile',
      error: 'the broker refuses this username or password',
    };
  }
  return { setting: 'broker.url', error: error.message };
}
