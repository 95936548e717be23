// The configuration from afar, as `kios doctor` sees it: which one is here, and which one was refused. It reads only.
import { keptVersions } from '../kiosk/remote-config-files.ts';
import { look, well, type Finding } from './finding.ts';

const check = 'remote';

/** A kiosk that was never given one says nothing of it. */
export function checkRemoteConfig(stateDir: string): Finding[] {
  const { good, next, refused, damaged } = keptVersions(stateDir);
  if (damaged !== undefined) {
    const detail = `damaged, and asked for anew: ${damaged.join(', ')}`;
    return [look(check, 'config-refused', detail)];
  }
  const newest = next?.version ?? good?.version ?? 0;
  if (refused !== undefined && refused.version > newest) {
    return [look(check, 'config-refused', `${refused.version}: ${refused.why}`)];
  }
  if (next?.version !== undefined) {
    const since = next.at === undefined ? '' : ` since ${next.at}`;
    const how = next.begun ? `on trial${since}` : 'at the next start';
    return [well(check, `${next.version}, ${how}`)];
  }
  return good?.version === undefined ? [] : [well(check, String(good.version))];
}
