// `kios console on|off`: a technician's keyboard and screen at the kiosk itself, for half an hour. For root.
import { Argument, Command } from 'commander';
import { switchConsole, type Switch } from '../field/console.ts';
import { placesOf } from '../field/root-places.ts';
import { untilIdle } from '../field/update.ts';
import { updatingAt } from './root.ts';
import { tellOutcome } from './update.ts';

export function consoleCommand(): Command {
  return new Command('console')
    .description('Opens or closes the login at the screen and keyboard of this kiosk.')
    .addArgument(new Argument('<to>').choices(['on', 'off']))
    .addHelpText(
      'after',
      `
While it is on, the kiosk does not sell. It closes after half an hour, at the logout, and at a reboot.`,
    )
    .action(async (to: Switch) => {
      tellOutcome(await switchConsole(to, () => untilIdle(updatingAt(placesOf()))));
    });
}
