// `kios relay claims` and `kios relay claim …`: what is owed to customers, and what the operator does about it. Safe while
// the relay runs. It never calls Midtrans: refunds are made by the running relay.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { KiosError } from '../protocol/errors.ts';
import { kioskId, saleId } from '../protocol/ids.ts';
import { formatRupiah } from '../protocol/money.ts';
import { type ClaimEvent, type SettledAs } from '../relay/ledger-claim-rules.ts';
import { claimStates, type ClaimRow, type ClaimState } from '../relay/sale-row.ts';
import { codesOf, findByCode, parseClaimCode } from './claim-search.ts';
import { claimText, nextStep, refusalTexts, type ClaimWithSale } from './claim-words.ts';
import { withStore } from './relay-store.ts';

/** More than anybody reads; the oldest come first. */
const maxListed = 1_000;
const maxNote = 200;
const unfinished: readonly ClaimState[] = ['open', 'redeeming', 'refunding'];

interface ListFlags {
  state?: ClaimState;
  kiosk?: string;
  code?: string;
  json?: true;
}

/** Adds the commands about claims to `kios relay`. */
export function addClaimCommands(relay: Command): void {
  relay
    .command('claims')
    .description('Lists what is owed to customers, oldest first, with what to do next.')
    .addOption(
      new Option('--state <state>', 'only these; without it all that are not finished').choices([
        ...claimStates,
      ]),
    )
    .option('-k, --kiosk <id>', 'only of this kiosk', parsed(kioskId))
    .option('--code <code>', "the one with this code, from a customer's slip", parseClaimCode)
    .option('--json', 'one JSON document a line')
    .action(async (flags: ListFlags) => {
      await list(configOf(relay), flags);
    });
  const claim = relay
    .command('claim')
    .description('Settles one claim: refund, settle or release. Safe while the relay runs.');
  claim
    .command('refund')
    .description('Tells the running relay to give the money back through Midtrans.')
    .requiredOption('-s, --sale <id>', 'the sale, as `claims` lists it', parsed(saleId))
    .option('--amount <rupiah>', 'only so much; without it all that is owed', parseAmount)
    .action(async (flags: { sale: string; amount?: number }) => {
      const { amount } = flags;
      const part = amount === undefined ? {} : { amountIdr: amount };
      const row = await tell(configOf(relay), flags.sale, { type: 'order-refund', ...part });
      say(`${formatRupiah(row.orderedIdr)} of ${row.saleId} go back; the running relay does it.`);
      say('See how it ends: kios relay claims, and afterwards kios relay claims --state refunded');
    });
  settleCommand(relay, claim);
  claim
    .command('release')
    .description(
      'Takes off a lock after you have looked (nothing came out), or a refund not begun.',
    )
    .requiredOption('-s, --sale <id>', 'the sale, as `claims` lists it', parsed(saleId))
    .action(async (flags: { sale: string }) => {
      const row = await tell(configOf(relay), flags.sale, { type: 'release' });
      say(`${row.saleId} is open again: ${formatRupiah(row.amountIdr)} are owed.`);
    });
}

function settleCommand(relay: Command, claim: Command): void {
  claim
    .command('settle')
    .description('Writes down that you gave the goods, or the money in cash.')
    .requiredOption('-s, --sale <id>', 'the sale, as `claims` lists it', parsed(saleId))
    .addOption(
      new Option('--as <how>', 'what the customer got')
        .choices(['honoured', 'refunded-by-hand'])
        .makeOptionMandatory(),
    )
    .requiredOption('--note <text>', 'who gave it, when and how; for the books', parseNote)
    .addHelpText(
      'after',
      '\nFor what was done outside of kiosk and relay. It moves no money and cannot be taken back.',
    )
    .action(async (flags: { sale: string; as: SettledAs; note: string }) => {
      const { as, note } = flags;
      const row = await tell(configOf(relay), flags.sale, { type: 'settle', as, note });
      say(`${row.saleId} is ${row.state}: nothing is owed any more.`);
    });
}

/** The parent's option, wherever it stands on the line. */
function configOf(relay: Command): string {
  return relay.opts<{ config: string }>().config;
}

async function list(file: string, { state, kiosk, code, json }: ListFlags): Promise<void> {
  await withStore(file, 'read', async (store) => {
    if (kiosk !== undefined && (await store.kiosk(kiosk)) === undefined) {
      throw new KiosError('not-found', `no kiosk ${kiosk} was ever enrolled here`);
    }
    const only = kiosk === undefined ? {} : { kioskId: kiosk };
    const rows =
      code === undefined
        ? await store.claims(
            { states: state === undefined ? unfinished : [state], ...only },
            maxListed,
          )
        : await findByCode(store, code, only);
    const codes = await codesOf(store, rows);
    const nowMs = store.nowMs();
    for (const row of rows) {
      const its = codes.get(row.claim.saleId);
      say(json === true ? JSON.stringify(asJson(row, its, nowMs)) : claimText(row, its, nowMs));
    }
    if (json === true || code !== undefined) return;
    const owedIdr = rows.reduce((sum, { claim }) => sum + owed(claim), 0);
    const many = rows.length === 1 ? '1 claim' : `${rows.length} claims`;
    say(`${many}, ${formatRupiah(owedIdr)} owed.`);
    if (rows.length === maxListed) say(`These are the oldest ${maxListed}; there are more.`);
  });
}

function owed({ state, amountIdr }: ClaimRow): number {
  return unfinished.includes(state) ? amountIdr : 0;
}

function asJson({ sale, claim }: ClaimWithSale, code: string | undefined, nowMs: number): unknown {
  const { openedAtMs, changedAtMs, refundAtMs, askAtMs, operatorOnly, restored, ...rest } = claim;
  return {
    ...rest,
    code: code ?? null,
    operatorOnly: operatorOnly === 1,
    restored: restored === 1,
    refundedIdr: sale.refundedIdr,
    openedAt: instant(openedAtMs),
    changedAt: instant(changedAtMs),
    refundAt: instant(refundAtMs),
    nextLookAt: instant(askAtMs),
    ageMs: nowMs - openedAtMs,
    next: nextStep({ sale, claim }),
  };
}

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

/** @throws KiosError `claim-unknown`, or `claim-locked` with the reason in words. */
async function tell(file: string, sale: string, event: ClaimEvent): Promise<ClaimRow> {
  return withStore(file, 'change', async (store) => {
    const moved = await store.moveClaim(sale, event);
    if (moved === undefined) throw new KiosError('claim-unknown', `no claim of ${sale}`);
    const { claim, refusal } = moved.decision;
    if (refusal === undefined) return claim;
    if (refusal === 'amount') {
      const owes = formatRupiah(claim.amountIdr);
      throw new KiosError('bad-request', `refused: ${refusalTexts.amount} (${owes})`);
    }
    throw new KiosError('claim-locked', `refused: ${refusalTexts[refusal]}`);
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function parsed(schema: typeof kioskId): (text: string) => string {
  return (text) => {
    const result = schema.safeParse(text);
    if (result.success) return result.data;
    throw new InvalidArgumentError(result.error.issues[0]?.message ?? 'not an id');
  };
}

function parseAmount(text: string): number {
  const amount = Number(text);
  if (/^\d{1,9}$/.test(text) && amount >= 1) return amount;
  throw new InvalidArgumentError('whole rupiah, such as 15000');
}

function parseNote(text: string): string {
  const note = text.trim();
  if (note.length >= 1 && note.length <= maxNote) return note;
  throw new InvalidArgumentError(`1 to ${maxNote} characters`);
}
