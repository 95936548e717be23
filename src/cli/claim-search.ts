// From the code on a customer's slip to the claim, at the relay: both sides make the code from the kiosk's claim secret
// (PROTOCOL.md §7). A kiosk that was enrolled again has another secret; codes of before are found at the kiosk alone.
import { InvalidArgumentError } from 'commander';
import { KiosError } from '../protocol/errors.ts';
import { claimCode, isClaimCode } from '../protocol/claim-code.ts';
import { type ClaimFilter } from '../relay/store/claims.ts';
import { type Store } from '../relay/store/store.ts';
import { type ClaimWithSale } from './claim-words.ts';

const pageSize = 1_000;
/** Claims looked through for one code: all of them, of any fleet that we know. */
const maxSearched = 1_000_000;

type Rooms = Pick<Store, 'claims' | 'kiosk'>;

/** The code of each of these claims, by sale. */
export async function codesOf(
  store: Pick<Rooms, 'kiosk'>,
  rows: readonly ClaimWithSale[],
): Promise<Map<string, string>> {
  const secrets = new Map<string, string | undefined>();
  const codes = new Map<string, string>();
  for (const { claim } of rows) {
    const { kioskId, saleId } = claim;
    if (!secrets.has(kioskId)) secrets.set(kioskId, (await store.kiosk(kioskId))?.claimSecret);
    const secret = secrets.get(kioskId);
    if (secret !== undefined) codes.set(saleId, claimCode(secret, saleId));
  }
  return codes;
}

/** Every claim with this code, finished ones too; almost always one. @throws KiosError `claim-unknown` */
export async function findByCode(
  store: Rooms,
  code: string,
  filter: Pick<ClaimFilter, 'kioskId'>,
): Promise<ClaimWithSale[]> {
  const found: ClaimWithSale[] = [];
  let after: ClaimFilter['after'];
  for (let searched = 0; searched < maxSearched; searched += pageSize) {
    const page = await store.claims(after === undefined ? filter : { ...filter, after }, pageSize);
    const codes = await codesOf(store, page);
    found.push(...page.filter(({ claim }) => codes.get(claim.saleId) === code));
    after = page.at(-1)?.claim;
    if (page.length < pageSize) break;
  }
  if (found.length > 0) return found;
  throw new KiosError(
    'claim-unknown',
    `no claim has the code ${code}; if the kiosk was enrolled again since, look by --kiosk and amount`,
  );
}

/** @throws InvalidArgumentError when it is no code, or one digit of it is wrong */
export function parseClaimCode(text: string): string {
  const code = text.replace(/[ -]/g, '');
  if (!/^\d{11}$/.test(code))
    throw new InvalidArgumentError('eleven digits, such as "1234 5678 903"');
  if (isClaimCode(code)) return code;
  throw new InvalidArgumentError('its check digit is wrong: one digit was misread');
}
