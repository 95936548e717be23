// `kios root <task>`: root's side of a kiosk, as the units of systemd/ call it. Thin: see src/field.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { closeConsole, obeyConsole, openConsole } from '../field/console.ts';
import { obeyUpdate } from '../field/obey-update.ts';
import { placesOf, type RootPlaces } from '../field/root-places.ts';
import { obeyClock, raiseClock } from '../field/set-clock.ts';
import { obeyNet, restoreNet } from '../field/set-net.ts';
import { pinFirstKeys, pinKeys } from '../field/trust.ts';
import { noteStart, untilIdle, type Updating } from '../field/update.ts';
import { systemClock } from '../lib/clock.ts';
import { askFolder } from '../protocol/root-request.ts';

type Task = (places: RootPlaces) => Promise<void> | void;

const tasks: Readonly<Record<string, { does: string; task: Task }>> = {
  update: {
    does: 'obeys requests for updates, and judges the release that is on trial',
    task: (places) => obeyUpdate(updatingAt(places)),
  },
  start: {
    does: 'counts a start of the kiosk while a release is on trial, and pins the first keys of its relay',
    task: (places) => {
      noteStart(updatingAt(places));
      pinFirstKeys(places);
    },
  },
  clock: {
    does: 'raises the clock to what is known to be over, and sets it to what the relay has signed',
    task: async (places) => {
      await raiseClock(places, systemClock);
      await obeyClock(places, systemClock);
    },
  },
  net: {
    does: 'offers the Wi-Fi to NetworkManager, and obeys requests for another one',
    task: async (places) => {
      restoreNet(places);
      await obeyNet(places, systemClock);
    },
  },
  console: {
    does: 'obeys requests to open or close the console',
    task: (places) => obeyConsole(places, systemClock, () => untilIdle(updatingAt(places))),
  },
  'console-open': { does: 'gives keyboards and screen to the system', task: openConsole },
  'console-close': { does: 'takes keyboards and screen back', task: closeConsole },
  trust: {
    does: 'believes the relay that this kiosk is enrolled at now, in place of the one before',
    task: (places) => {
      for (const { kid } of pinKeys(places)) tell(`the key ${kid} is pinned`);
    },
  },
};

export function rootCommand(): Command {
  const root = new Command('root').description(
    'What the units of systemd do for the kiosk, as root; not for a person, but for `trust`.',
  );
  for (const [name, { does, task }] of Object.entries(tasks)) {
    root
      .command(name)
      .description(does)
      .option('--root <dir>', 'a folder tree that stands for the system', '/')
      .action(async (flags: { root: string }) => {
        await task(placesOf(flags.root));
      });
  }
  return root;
}

/** What an update needs of this machine. */
export function updatingAt(places: RootPlaces): Updating {
  // The unit hands it in, because its hardening hides /proc/sys.
  const given = process.env['KIOS_BOOT_ID'];
  const bootId = given ?? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const isTree = places.ask !== askFolder;
  return { places, clock: systemClock, bootId, say: tell, isTree };
}

function tell(line: string): void {
  process.stdout.write(`kios: ${line}\n`);
}
