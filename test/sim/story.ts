// What of a log matters for the rule that was broken: the lines about its sale, its kiosk's lives and the relays', up to
// the breach.

/** A log of a run may be this long and still be read at one go. */
const maxLines = 80;
/** Whose coming and going explains what became of a sale. */
const stage = /^\d+ (relay|operator|technician|world|printer|mqtt)/;

/** The lines that tell the story of what `rule` is about; all of them when it names no sale. */
export function storyOf(lines: readonly string[], rule: string): readonly string[] {
  const saleId = /[a-z0-9]{4,9}-[0-9A-Z]{26}/.exec(rule)?.[0];
  const kioskId = saleId?.split('-')[0] ?? /\bksk\d+/.exec(rule)?.[0];
  const breach = lines.findIndex((line) => line.includes(' BROKEN '));
  const told = breach < 0 ? lines : lines.slice(0, breach + 1);
  const ours = told.filter((line) => isOurs(line, saleId, kioskId));
  return ours.slice(-maxLines);
}

function isOurs(line: string, saleId: string | undefined, kioskId: string | undefined): boolean {
  if (line.includes(' BROKEN ') || line.startsWith('0 faults') || stage.test(line)) return true;
  if (saleId !== undefined && line.includes(saleId)) return true;
  if (kioskId === undefined) return true;
  const [, who = '', what = ''] = /^\d+ (\S+) (.*)$/.exec(line) ?? [];
  // Of its kiosk: its lives, and with a sale known nothing of the others.
  if (who !== kioskId) return false;
  return saleId === undefined || /^(starts|ended|lost|disk|its)/.test(what);
}

/** The one command that repeats a seed. */
export function repeatCommand(seed: number, bug?: string): string {
  return `npm run sim -- --seed ${seed} --log${bug === undefined ? '' : ` --bug ${bug}`}`;
}
