// `kios card`: prepares a freshly flashed card before its first boot. Thin: see src/field/card.ts.
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { prepareCard, readCard } from '../field/card.ts';
import { partitionLabel, inGb, sectorBytes, type CardPlan } from '../field/card-plan.ts';
import { ToolError } from '../field/run-tool.ts';

export function cardCommand(): Command {
  return new Command('card')
    .argument('<card>', 'the whole card (/dev/sdX, /dev/mmcblkX) or an image file; never guessed')
    .description(
      'Prepares a freshly flashed Raspberry Pi OS card on the laptop, before its first boot.',
    )
    .option('--dry-run', 'say what would be done and change nothing')
    .option('--yes', 'do not ask for the name again')
    .addHelpText(
      'after',
      `
The root keeps to the first 6 GB; the rest becomes the partition ${partitionLabel}, for journal, releases, clock and logs:
scripts/provision.sh --data uses it. Needs sfdisk (package fdisk) and e2fsprogs, and for a device root.`,
    )
    .action(async (card: string, flags: { dryRun?: true; yes?: true }, command: Command) => {
      try {
        await prepare(card, flags, command);
      } catch (error) {
        if (!(error instanceof ToolError)) throw error;
        command.error(`kios: ${error.message}`);
      }
    });
}

async function prepare(
  card: string,
  { dryRun = false, yes = false }: { dryRun?: boolean; yes?: boolean },
  command: Command,
): Promise<void> {
  const { bytes, plan } = await readCard(card);
  if (plan.kind === 'refused') command.error(`kios: ${card} is left as it is: ${plan.why}.`);
  if (plan.kind === 'prepared') {
    process.stdout.write(`${card} is prepared already.\n`);
    return;
  }
  process.stdout.write(inWords(card, bytes, plan));
  if (dryRun) {
    process.stdout.write('Nothing was touched.\n');
    return;
  }
  if (!yes && (await ask(`Write the name of the card again to go on: `)) !== card) {
    command.error('kios: that is another name; nothing was touched.');
  }
  await prepareCard(card, plan);
  process.stdout.write(`${card} is prepared: put it into the kiosk.\n`);
}

function inWords(card: string, bytes: number, plan: CardPlan & { kind: 'change' }): string {
  const size = ({ size }: { size: number }): string => inGb(size * sectorBytes);
  return `${card}, ${inGb(bytes)}: its root becomes ${size(plan.root)}, and ${partitionLabel} ${size(plan.data)}.\n`;
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    // An input that ends without an answer is none.
    const end = new Promise<string>((resolve) => {
      lines.once('close', () => {
        resolve('');
      });
    });
    return await Promise.race([lines.question(question), end]);
  } finally {
    lines.close();
  }
}
