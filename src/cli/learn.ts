// `kios learn`: finds out how a device is set, and writes it into the configuration.
import { Command } from 'commander';
import { learnPrinterCommand } from './learn-printer.ts';
import { learnScannerCommand } from './learn-scanner.ts';

export function learnCommand(): Command {
  return new Command('learn')
    .description('Finds out how a device is set, and writes it into the configuration.')
    .addCommand(learnScannerCommand())
    .addCommand(learnPrinterCommand());
}
