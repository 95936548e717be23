// A machine in the field: a bare Debian becomes a kiosk as a technician makes one, from a bundle and by the commands of
// docs/technician.md. Of the world outside it has one thing more than in the field: whom to trust for the relay's name.
import { readFileSync } from 'node:fs';
import { kioskLog } from './guest-kiosk.ts';
import { serial, type House } from './house.ts';
import { bundleName } from './field-bundles.ts';
import type { Ran } from './machine/agent-words.ts';
import type { Guest } from './machine/guest.ts';

/** Unpacking, checking and compiling, emulated on a busy host. */
const provisionLimitMs = 600_000;
const authority = '/usr/local/share/rig-authority.pem';
const trusting = `NODE_EXTRA_CA_CERTS=${authority}`;
/** Ten seconds are for a Pi; an emulated machine may not have looked at its disks by then. */
const [pisTimeout, emulatedTimeout] = ['timeout=10s', 'timeout=100s'];

/** Not in /etc, which is compared later: the tests' own, before kios comes. */
const unitChanges = `[Service]
Environment=${trusting}
StandardOutput=append:${kioskLog}
StandardError=append:${kioskLog}
`;

const place = '/srv/kios';
/** Root's own folder there. */
const ofRoot = `${place}/root`;

/** Where a kiosk has what outlives its card's root, and what `unprovision.sh` leaves of all of it. */
export const kept = {
  place,
  current: `${place}/current`,
  releases: `${place}/releases`,
  incoming: `${ofRoot}/incoming`,
  trial: `${ofRoot}/trial.json`,
  /** A byte for each start of a release on trial. */
  starts: `${ofRoot}/trial-starts`,
  onPurpose: [
    // Logs and caches that are nobody's.
    / \/var\/(log|cache|lib\/systemd|lib\/dpkg|tmp)\b/,
    // Of adding and removing accounts and libraries: what was there before, and the loader's index.
    / \/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/,
    / \/etc\/ld\.so\.cache$/,
    // The partition itself is there until somebody takes it away, and systemd knows disks by their labels.
    /systemd-fsck@dev-disk-by|blockdev@dev-disk-by/,
    // What udev has noted for the screen and for the data partition, until they come anew.
    /^\+ unit (kios-console\.service|srv-kios\.mount|kios-data\.service) inactive$/,
  ],
} as const;

/** Takes away what other tests of the rig need in a guest, and a bare Debian has not. */
export async function makeBare(guest: Guest, house: House): Promise<void> {
  await guest.sh('dpkg --purge gpiod libgpiod2 libgpiod3 libusb-1.0-0 ca-certificates 2>&1');
  await guest.put(authority, readFileSync(house.caFile));
  await guest.put('/usr/lib/systemd/system/kios.service.d/rig.conf', unitChanges);
  await guest.put(kioskLog, '');
}

/** Answers what the script said. @throws Error when it fails */
export async function provision(guest: Guest, ...more: readonly string[]): Promise<string> {
  const { code, out } = await tryProvision(guest, ...more);
  if (code !== 0) throw new Error(`provision.sh, status ${code}: ${out}`);
  await guest.sh(`sed -i s/${pisTimeout}/${emulatedTimeout}/ /etc/fstab; systemctl daemon-reload`);
  return out;
}

/** Whatever comes of it; all that it said is in `out`. */
export async function tryProvision(guest: Guest, ...more: readonly string[]): Promise<Ran> {
  const words = ['--bundle', bundleName('base'), '--key', 'release.pub', ...more];
  return guest.run(`cd /mnt/run && bash provision.sh ${words.join(' ')} 2>&1`, provisionLimitMs);
}

/** From the next boot on it waits for its data as long as one in the field: there is none that could come in time. */
export async function waitLikeAPi(guest: Guest): Promise<void> {
  await guest.sh(`sed -i s/${emulatedTimeout}/${pisTimeout}/ /etc/fstab; sync`);
}

/** Takes all of it back, the journal too, and answers what the script said. @throws Error when it fails */
export async function unprovision(guest: Guest): Promise<string> {
  await waitLikeAPi(guest);
  const script = '/opt/kios/current/scripts/unprovision.sh --delete-journal 2>&1';
  return guest.sh(script, provisionLimitMs);
}

export async function enrol(guest: Guest, house: House): Promise<void> {
  const code = await house.enrolmentCode();
  const words = ['--relay', house.relayUrl, '--code', code, '--serial', serial];
  const asKiosk = `runuser -u kios -- env ${trusting}`;
  await guest.sh(`${asKiosk} kios enrol ${words.join(' ')} --state /var/lib/kios`);
}

/** A system as far as somebody who installs something could have changed it, a line each. */
export type Traces = ReadonlySet<string>;

/** Every file by name, kind, mode, owner and size, every account, and every unit that systemd knows. */
export async function traces(guest: Guest): Promise<Traces> {
  const places = '/boot /etc /home /mnt /opt /root /srv /usr /var';
  const listed = await guest.sh(`
    find ${places} -xdev -path /var/log/journal -prune -o -type d -printf 'folder %m %u:%g %p\\n' \\
      -o -printf '%y %m %u:%g %s %p %l\\n'
    sed 's/^/passwd /' /etc/passwd; sed 's/^/group /' /etc/group; sed 's/^/fstab /' /etc/fstab
    dpkg-query --show --showformat 'package \${Package} \${db:Status-Status}\\n'
    systemctl list-unit-files --no-legend --no-pager | sed 's/^/unit-file /'
    systemctl list-units --all --no-legend --no-pager --plain | awk '/kios/ { print "unit", $1, $3 }'
    find /dev /run -name '*kios*' ! -path ${kioskLog} -printf 'device %p\\n'`);
  return new Set(listed.split('\n').map((line) => line.trimEnd()));
}

/** What of the two differs, and no pattern allows. */
export function differences(
  before: Traces,
  after: Traces,
  allowed: readonly RegExp[],
): readonly string[] {
  const gone = [...before].filter((line) => !after.has(line)).map((line) => `- ${line}`);
  const come = [...after].filter((line) => !before.has(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].filter((line) => !allowed.some((pattern) => pattern.test(line)));
}
