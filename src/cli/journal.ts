// `kios journal`: looks into a kiosk's journal, whether the kiosk runs or not. It reads only. Thin: src/kiosk/journal-*.ts.
import { Command, Option } from 'commander';
import { zoneNames } from '../kiosk/zone.ts';
import { addCheckCommands } from './journal-check.ts';
import { addShowCommand } from './journal-show.ts';

export function journalCommand(): Command {
  const journal = new Command('journal')
    .description('Shows, checks, copies and replays the journal of this kiosk.')
    .option(
      '-c, --config <file>',
      'of the kiosk: names the folder and the zone',
      '/etc/kios/kiosk.yaml',
    )
    .option('--state <dir>', 'the folder itself; then the configuration is not read')
    .addOption(
      new Option('--zone <zone>', 'whose clock and midnight').choices(Object.keys(zoneNames)),
    )
    .addHelpText(
      'after',
      `
Reads only; safe while the kiosk runs, which waits for none of it. Only root and the kiosk's own user may read it:

  sudo -u kios kios journal verify

Keys, scans, codes, QR texts and signatures are never shown or copied.`,
    );
  addShowCommand(journal);
  addCheckCommands(journal);
  return journal;
}
