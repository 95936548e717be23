// What a start of this release would make of the configurations from afar that are kept here, in words for a person. It reads
// only. No start fails because of one of them (remote-config.ts), so whoever asks here must not fail because of one either.
import { KiosError } from '../protocol/errors.ts';
import { openConfig } from '../protocol/remote-config.ts';
import type { KioskConfig } from './config.ts';
import { trustedKeys, type Identity } from './identity.ts';
import { readConfigs } from './remote-config-files.ts';
import { fitSettings } from './remote-settings.ts';

/** A line for each that would not be used; none: a start takes what is kept. @param own the machine's own file */
export async function unusedConfigs(own: KioskConfig, identity: Identity): Promise<string[]> {
  const { good, next, damaged } = readConfigs(own.stateDir);
  const lines = damaged.map((file) => `${file} is damaged; a start does without it`);
  for (const [token, what] of [
    [good?.token, 'the last good configuration from afar is not used'],
    [next?.token, 'the next configuration from afar is refused'],
  ] as const) {
    const why = token === undefined ? undefined : await fault(token, own, identity);
    if (why !== undefined) lines.push(`${what}, ${why}`);
  }
  return lines;
}

/** Undefined: it can be used. */
async function fault(
  token: string,
  own: KioskConfig,
  identity: Identity,
): Promise<string | undefined> {
  try {
    const keys = trustedKeys(identity);
    const { version, settings } = await openConfig(token, identity.enrolment, keys);
    const fitted = fitSettings(own, settings);
    return fitted.ok ? undefined : `${version}: ${fitted.why}`;
  } catch (error) {
    if (!(error instanceof KiosError)) throw error;
    return error.message;
  }
}
