// The kiosk daemon inside of a guest: the project's own unit, udev rules, users and folders, with the program as a release
// has it (bundled), and its log read from outside.
import { chmod, copyFile, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { bundleProgram } from '../../src/field/bundle-program.ts';
import { programFile } from '../../src/field/release-files.ts';
import { hostSeenFromGuest } from './machine/qemu-line.ts';
import type { Guest } from './machine/guest.ts';
import { serial, until, type House } from './house.ts';

const root = join(import.meta.dirname, '../..');
/** Native parts, from the checkout that the guest sees. */
const packages = ['sharp', 'node-hid', '@serialport', 'usb'];
export const kioskLog = '/run/kios.log';
export const stateDir = '/var/lib/kios';
/** Emulated, with nothing in any cache: half a minute. */
const startLimitMs = 180_000;

/** The unit's confinement, watchdog and devices stay as they are; there are no releases to choose from here. */
const unitChanges = `[Service]
ExecStartPre=
ExecStart=
ExecStart=/opt/kios/current/node_modules/.bin/node /opt/kios/current/${programFile} kiosk --config /etc/kios/kiosk.yaml
StandardOutput=append:${kioskLog}
StandardError=append:${kioskLog}
`;

export type LogLine = Readonly<Record<string, unknown>> & { msg: string };

/** Makes a release in an empty folder as `scripts/bundle` does it, but with its packages in the checkout. */
export async function makeRelease(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  await bundleProgram(root, folder);
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink('/mnt/host/drivers', join(folder, 'drivers'));
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
  await symlink('/usr/local/bin/node', join(folder, 'node_modules/.bin/node'));
  for (const name of packages) {
    await symlink(`/mnt/host/node_modules/${name}`, join(folder, 'node_modules', name));
  }
}

export class GuestKiosk {
  readonly #guest: Guest;
  #lines: LogLine[] = [];

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** Installs unit, rules, users and folders, the enrolled identity, and the way to the relay. */
  async install(house: House): Promise<void> {
    await this.#guest.sh(`set -e
      cd /mnt/host/systemd
      cp kios.service kios-console.service /etc/systemd/system/
      systemd-sysusers /mnt/host/systemd/kios.sysusers
      cp 99-kios.rules /etc/udev/rules.d/
      cp kios.tmpfiles /etc/tmpfiles.d/kios.conf
      cp kios-state.tmpfiles /etc/tmpfiles.d/kios-state.conf
      mkdir -p /opt/kios /etc/kios /etc/systemd/system/kios.service.d
      ln -sfn /mnt/run /opt/kios/current
      systemd-tmpfiles --create kios.conf kios-state.conf
      udevadm control --reload
      udevadm trigger --subsystem-match=graphics --action=add --settle`);
    await this.#guest.put('/etc/systemd/system/kios.service.d/rig.conf', unitChanges);
    await this.#guest.put(kioskLog, '');
    await this.#guest.sh('systemctl daemon-reload');
    await this.#guest.put(`${stateDir}/identity.json`, await house.identity(), 0o600);
    await this.#guest.sh(`chown kios: ${stateDir}/identity.json`);
    // The relay asks for TLS everywhere but on the loopback; so the guest's own loopback leads to it.
    for (const port of [house.ports.relay, house.ports.mqtt]) {
      const proxy = `$(ls {/usr,}/lib/systemd/systemd-socket-proxyd | head -n 1)`;
      const unit = `--unit=to-${port} --socket-property=ListenStream=127.0.0.1:${port}`;
      await this.#guest.sh(`systemd-run --quiet ${unit} ${proxy} ${hostSeenFromGuest}:${port}`);
    }
  }

  /** Starts the unit and waits until it sells. @param settings beside what every kiosk of the rig has */
  async start(settings: Record<string, unknown>): Promise<void> {
    const config = { stateDir, serial, askAgainS: 0, logLevel: 'debug', ...settings };
    await this.#guest.put('/etc/kios/kiosk.yaml', stringify(config));
    await this.#guest.sh('systemd-tmpfiles --create kios.conf');
    const mark = await this.mark();
    await this.#guest.sh('systemctl start kios-console');
    const { code } = await this.#guest.run('systemctl restart kios', startLimitMs);
    if (code !== 0) throw new Error(`the kiosk does not start:\n${await this.#said()}`);
    await this.selling(mark);
  }

  async selling(since = 0): Promise<void> {
    const sells = ({ msg, selling }: LogLine): boolean =>
      msg === 'kiosk.selling' && selling === true;
    await this.waitFor('a kiosk that sells', sells, since);
  }

  /** What it said last of selling. */
  async sells(): Promise<boolean> {
    await this.#read();
    return this.#lines.findLast(({ msg }) => msg === 'kiosk.selling')?.['selling'] === true;
  }

  /** How much it has logged so far: a mark for `waitFor`. */
  async mark(): Promise<number> {
    await this.#read();
    return this.#lines.length;
  }

  async waitFor(what: string, fits: (line: LogLine) => boolean, since = 0): Promise<LogLine> {
    let found: LogLine | undefined;
    try {
      await until(what, async () => {
        await this.#read();
        found = this.#lines.slice(since).find(fits);
        return found !== undefined;
      });
    } catch (error) {
      throw new Error(`${what}; the kiosk said\n${await this.#said()}`, { cause: error });
    }
    if (found === undefined) throw new Error(what);
    return found;
  }

  async phase(to: string, since = 0): Promise<LogLine> {
    const reached = (line: LogLine): boolean => line.msg === 'sale.phase' && line['to'] === to;
    return this.waitFor(`phase ${to}`, reached, since);
  }

  /** Where the machine is, by what was read of the log so far. */
  get lastPhase(): unknown {
    return this.#lines.findLast((line) => line.msg === 'sale.phase')?.['to'];
  }

  async #said(): Promise<string> {
    return this.#guest.sh(
      `tail -n 30 ${kioskLog}; journalctl --unit kios --no-pager -n 20; dmesg | tail -n 20`,
    );
  }

  /** The log outlives a restart of the daemon: the unit appends to it. */
  async #read(): Promise<void> {
    const text = (await this.#guest.get(kioskLog)).toString();
    this.#lines = text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []));
  }
}
