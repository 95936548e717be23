// What the kiosk's unit gives its process: a test of its memory or its speed measures the kiosk of the field.
import { readFile } from 'node:fs/promises';

const unitFile = new URL('../../systemd/kios.service', import.meta.url);

/** The limits of its memory; none of its places, which this machine does not have. */
export async function unitEnvironment(): Promise<Record<string, string>> {
  const unit = await readFile(unitFile, 'utf8');
  const settings = [...unit.matchAll(/^Environment=(NODE_OPTIONS|MALLOC_ARENA_MAX)=(.+)$/gm)];
  return Object.fromEntries(settings.map(([, name = '', value = '']) => [name, value]));
}
