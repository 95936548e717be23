// Whether the kiosk may open a device: by the rights of its node and the groups of the user that the kiosk runs as, who is
// seldom the one that asks.
import { readFileSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { Attached } from './attached.ts';

export interface Account {
  name: string;
  uid: number;
  gids: ReadonlySet<number>;
}

const kioskUser = 'kios';
/** As in kios.service: what the service has beside the groups of its user. */
const serviceGroups = ['video', 'lp', 'dialout', 'gpio'];

/** The user of the kiosk; on a machine without one, whoever runs this. @param etc `/etc` */
export function kioskAccount(etc: string): Account {
  const own = textOf(join(etc, 'passwd'))
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === kioskUser);
  if (own === undefined) {
    const gids = new Set([process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])]);
    return { name: 'this user', uid: process.getuid?.() ?? 0, gids };
  }
  const gids = textOf(join(etc, 'group'))
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name = '', , , members = '']) => {
      return serviceGroups.includes(name) || members.split(',').includes(kioskUser);
    })
    .map(([, , gid]) => Number(gid));
  return {
    name: `the user ${kioskUser}`,
    uid: Number(own[2]),
    gids: new Set([Number(own[3]), ...gids]),
  };
}

/** Reading and writing, by the mode of a node. */
export function mayOpen(
  { mode, uid, gid }: Pick<Stats, 'mode' | 'uid' | 'gid'>,
  who: Account,
): boolean {
  if (who.uid === 0) return true;
  // POSIX: the first class that fits decides, even where a later one would permit more.
  const shift = uid === who.uid ? 6 : who.gids.has(gid) ? 3 : 0;
  return ((mode >> shift) & 6) === 6;
}

/** Why the kiosk cannot open it, with what mends that; undefined where it can. */
export function refusal(device: Attached, who: Account): string | undefined {
  // Until its trigger is on there is nothing to be opened, and that is told already.
  if (device.kind === 'led' && !device.hasPattern) return undefined;
  const stats = statSync(lockOf(device), { throwIfNoEntry: false });
  if (stats === undefined) return `${lockOf(device)} is not there; unplug it and plug it in again`;
  if (mayOpen(stats, who)) return undefined;
  return `${who.name} may not open it: ${mends(device)}`;
}

/** The file whose rights decide. */
function lockOf(device: Attached): string {
  return device.kind === 'led' ? join(device.node, 'pattern') : device.node;
}

function mends({ kind }: Attached): string {
  switch (kind) {
    case 'screen':
      return 'it must be of the group video (ls -l), and kios.service in it';
    case 'gpio':
      return 'install systemd/99-kios.rules and restart: they give it to the group gpio';
    case 'led':
      return 'install systemd/99-kios.rules and restart: they give its pattern to the group kios';
    default:
      return 'install systemd/99-kios.rules in /etc/udev/rules.d, then unplug it and plug it in again';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
