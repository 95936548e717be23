// Where root's part of a kiosk lies. One rule says whether releases are on the data partition: root's own folder is then
// a link into it, and a link that leads nowhere stops root from writing beside it.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KiosError } from '../protocol/errors.ts';
import { askFolder, healthFile } from '../protocol/root-request.ts';
import { linkTarget } from '../lib/durable.ts';

export interface RootPlaces {
  /** Of the requests: a folder a task. */
  ask: string;
  answers: string;
  /** Root's own memory: nobody else may read or write it. */
  kept: string;
  /** Holds `releases`, `current` (what runs) and `good` (what has proved itself). */
  releasesPlace: string;
  releases: string;
  current: string;
  good: string;
  /** The release that provisioning has installed. */
  base: string;
  /** Bundles, the first first: what a technician has handed to root, and the kiosk's own downloads. */
  incoming: readonly string[];
  releaseKey: string;
  operatorKey: string;
  identity: string;
  kioskConfig: string;
  health: string;
  connections: string;
  inputs: string;
  consoles: string;
  timesync: string;
  journal: string;
}

/**
 * @param root `/`, or a folder tree that stands for it
 * @throws KiosError `data-missing` when the data partition is not there
 */
export function placesOf(root = '/'): RootPlaces {
  const at = (path: string): string => join(root, path);
  const kept = '/var/lib/kios-root';
  const target = linkTarget(at(kept));
  const keptAt = at(target ?? kept);
  if (target !== undefined && !existsSync(keptAt)) {
    throw new KiosError(
      'data-missing',
      `${target} is not there: is the data partition mounted? Look at the card (lsblk, systemctl status srv-kios.mount)`,
    );
  }
  const releasesPlace = target === undefined ? at('/opt/kios') : dirname(keptAt);
  const state = at(linkTarget(at('/var/lib/kios')) ?? '/var/lib/kios');
  return {
    ask: at(askFolder),
    answers: at(`${askFolder}/answers`),
    kept: keptAt,
    releasesPlace,
    releases: join(releasesPlace, 'releases'),
    current: join(releasesPlace, 'current'),
    good: join(releasesPlace, 'good'),
    base: at('/opt/kios/current'),
    incoming: [join(keptAt, 'incoming'), join(state, 'updates')],
    releaseKey: at('/etc/kios/release.pub'),
    operatorKey: at('/etc/kios/operator.pub'),
    identity: join(state, 'identity.json'),
    kioskConfig: at('/etc/kios/kiosk.yaml'),
    health: at(`/run/kios/${healthFile}`),
    connections: at('/run/NetworkManager/system-connections'),
    inputs: at('/sys/class/input'),
    consoles: at('/sys/class/vtconsole'),
    timesync: at('/var/lib/systemd/timesync/clock'),
    journal: join(state, 'journal.sqlite'),
  };
}
