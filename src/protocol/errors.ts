// Every error code that crosses the wire or reaches a screen, once. `docs/errors.md` is held equal to it by a test.

/** `http`: the status that the relay answers with (0: never on HTTP). `retryable`: the same call may succeed later. */
export interface ErrorMeaning {
  http: number;
  retryable: boolean;
  /** What it means and what to do, in one English sentence for operators. */
  means: string;
}

const entry = (http: number, retryable: boolean, means: string): ErrorMeaning => ({
  http,
  retryable,
  means,
});

export const errors = {
  // The relay's answers.
  'bad-request': entry(
    400,
    false,
    'The request does not match the contract; the detail names the field.',
  ),
  unauthorised: entry(
    401,
    false,
    'The token is missing, wrong or too old; enrol the kiosk again if it stays.',
  ),
  'clock-skew': entry(
    401,
    true,
    'The clock of the kiosk is off; the answer carries the signed time.',
  ),
  'not-yours': entry(403, false, 'The sale or topic belongs to another kiosk.'),
  'kiosk-revoked': entry(403, false, 'The operator has revoked this kiosk; enrol it again.'),
  'enrolment-refused': entry(
    403,
    false,
    'The enrolment code is wrong, used or expired; make a new one.',
  ),
  'not-found': entry(404, false, 'There is nothing at this address.'),
  'sale-unknown': entry(404, false, 'The relay has no such sale.'),
  'sale-mismatch': entry(409, false, 'The sale exists with another amount or other items.'),
  'sale-open': entry(
    409,
    true,
    'Another sale of this kiosk is still open; finish or abandon it first.',
  ),
  'fulfilment-mismatch': entry(409, false, 'Another result was already reported for this sale.'),
  'kiosk-cloned': entry(409, false, 'Two copies of one card are running; enrol one of them again.'),
  'ledger-differs': entry(409, false, 'The relay was restored from a backup; post /v1/recover.'),
  'claim-unknown': entry(404, false, 'The relay has no such claim, or it is not for this kiosk.'),
  'claim-locked': entry(409, false, 'The claim is being paid out, or was already honoured.'),
  'too-large': entry(413, false, 'The body is larger than the limit.'),
  'rate-limited': entry(
    429,
    true,
    'Too many requests; wait as the Retry-After header says. A kiosk goes on by itself; one that starts anew all the time causes it, and its log says why.',
  ),
  internal: entry(500, true, 'The relay has a fault; its log has the details under the same id.'),
  'store-down': entry(503, true, 'The relay cannot write its store; nothing was taken.'),
  'going-down': entry(503, true, 'This relay is stopping; nothing was taken, ask again.'),
  'gateway-down': entry(
    503,
    true,
    'Midtrans does not answer just now, so the relay takes no new charges; none was made, try again later.',
  ),
  recovering: entry(
    503,
    true,
    'The relay is rebuilding its records of this kiosk; try again soon.',
  ),
  'bad-signature': entry(403, false, 'The notification is not signed by Midtrans.'),

  // Why a charge was refused (the sale's `reason`).
  'charge-invalid': entry(
    0,
    false,
    'Midtrans calls the charge invalid (400, 413, 405, 403); look at the relay log.',
  ),
  'charge-unauthorised': entry(
    0,
    false,
    'Midtrans refuses the Server Key (401); the operator must look.',
  ),
  'channel-inactive': entry(
    0,
    false,
    'QRIS is not active for this merchant (402); the operator must look.',
  ),
  'charge-denied': entry(0, false, 'Midtrans or its fraud check denied the charge (202).'),
  'charge-try-again': entry(
    0,
    true,
    'GoPay could not make the charge just now (900); a new sale may work.',
  ),
  'payer-blocked': entry(0, false, 'The GoPay account is blocked (410).'),

  // What keeps a kiosk from selling, or ended a sale; shown on its screen.
  'relay-unreachable': entry(
    0,
    true,
    'The kiosk cannot reach the relay: check network, relay and clock.',
  ),
  'broker-unreachable': entry(
    0,
    true,
    'The kiosk cannot reach the MQTT broker; sales still work, slower.',
  ),
  'relay-refused': entry(0, false, 'The relay refused the sale; its log says why.'),
  'bad-proof': entry(0, false, 'A message was not signed by the relay that this kiosk trusts.'),
  'qr-malformed': entry(
    0,
    false,
    'The QR text is not QRIS; it was not shown and the charge is stopped.',
  ),
  'qr-crc': entry(
    0,
    false,
    'The QR text is damaged (CRC); it was not shown and the charge is stopped.',
  ),
  'qr-currency': entry(
    0,
    false,
    'The QR is not a dynamic rupiah code of Indonesia; the charge is stopped.',
  ),
  'qr-amount': entry(
    0,
    false,
    'The QR carries another amount; it was not shown and the charge is stopped.',
  ),
  'qr-merchant': entry(
    0,
    false,
    'The QR pays another merchant; it was not shown and the charge is stopped.',
  ),
  'qr-missing': entry(
    0,
    false,
    'The charge came without a QR text; it was not shown and the charge is stopped.',
  ),
  'keypad-lost': entry(0, true, 'The keypad does not answer: check its plug.'),
  'scanner-lost': entry(0, true, 'The scanner does not answer: check its plug.'),
  'display-lost': entry(0, true, 'The display does not answer: check its cable.'),
  'display-no-qr': entry(
    0,
    false,
    'The display is too small for a QR: QRs come on paper; without a printer it needs a larger one.',
  ),
  'printer-lost': entry(0, true, 'The printer does not answer: check power and plug.'),
  'printer-paper-out': entry(0, true, 'The printer has no paper.'),
  'printer-cover-open': entry(0, true, "The printer's cover is open."),
  'printer-cutter': entry(0, true, "The printer's cutter is jammed: open the cover, free it."),
  'printer-overheat': entry(0, true, "The printer's head is too hot; it goes on by itself."),
  'printer-error': entry(0, true, 'The printer reports an error: switch it off and on.'),
  'printer-offline': entry(0, true, 'The printer is offline: press its button, look at its lamps.'),
  'dispenser-lost': entry(0, true, 'The dispenser does not answer: check power and plug.'),
  'dispenser-failed': entry(0, false, 'The dispenser reports that nothing came out.'),
  'dispenser-unknown': entry(
    0,
    false,
    'Nobody can say whether the goods came out; a claim is open.',
  ),
  'journal-failed': entry(
    0,
    false,
    'The kiosk cannot write its journal: check the card; it does not sell.',
  ),
  'disk-full': entry(
    0,
    true,
    'The disk of the kiosk is nearly full: make room; it does not sell until then.',
  ),
  'disk-read-only': entry(
    0,
    false,
    'The disk of the kiosk can only be read: look at the card; it does not sell.',
  ),
  'data-missing': entry(
    0,
    true,
    'The partition with journal and key is not there: look at card and disk; the kiosk starts anew when it appears.',
  ),
  'other-machine': entry(
    0,
    false,
    'Key and journal of this kiosk are of another machine: enrol it again; it does not sell until then.',
  ),
  'journal-damaged': entry(
    0,
    false,
    'The journal of the kiosk was damaged or altered; it is kept, and nothing is sold from it.',
  ),
  'journal-locked': entry(
    0,
    true,
    'Another program has locked the journal of the kiosk: end that program.',
  ),
  'kiosk-running': entry(
    0,
    false,
    'Another kios kiosk runs on the same state folder: stop that one.',
  ),
  'download-failed': entry(
    0,
    true,
    'The bundle of a release could not be fetched; the log of the kiosk says why.',
  ),
  'out-of-service': entry(
    0,
    true,
    'The operator has taken the kiosk out of service; kios relay command KIOSK in-service brings it back.',
  ),
  'clock-unknown': entry(
    0,
    true,
    'The kiosk has heard no time that it can trust since it started; no QR slip is printed.',
  ),
  'not-enrolled': entry(
    0,
    false,
    'The kiosk has no identity: scan the set-up QR, or run kios enrol.',
  ),

  // Set-up sheets under the scanner.
  'sheet-unread': entry(
    0,
    true,
    'This is no set-up QR of this operator, or it was not read whole: hold it still once more, print a new one, or give the kiosk the right operator.pub.',
  ),
  'no-operator-key': entry(
    0,
    false,
    'The card has no key of the operator, so no Wi-Fi or settings are taken before the enrolment: kios relay setup-sheet key makes it, provision.sh --operator-key brings it; or enrol over a cable first.',
  ),
  'sheet-expired': entry(0, false, 'The set-up QR is too old: print a new one.'),
  'sheet-used': entry(
    0,
    false,
    'This set-up QR was taken before, or a newer one was: print a new one.',
  ),
  'sheet-other-kiosk': entry(0, false, 'The set-up QR is for another kiosk or site.'),
  'sheet-not-now': entry(
    0,
    true,
    'A set-up QR is taken while the screen of the technician is open, or by a kiosk that is not enrolled.',
  ),
  'already-enrolled': entry(
    0,
    false,
    'The kiosk is enrolled already; kios enrol --force gives it a new life.',
  ),
  'enrolled-before': entry(
    0,
    false,
    'The kiosk was enrolled before, and its identity is lost: no set-up QR is taken; run kios enrol --relay URL --code CODE at it, or bring operator.pub (provision.sh --operator-key) and scan a QR signed with it.',
  ),
  'sheet-failed': entry(
    0,
    true,
    'The Wi-Fi of the set-up QR is not connected: check its name, password and reach; it is tried again.',
  ),
  'sheet-not-kept': entry(
    0,
    true,
    'The set-up QR could not be obeyed here: see the log of kios and of its root units.',
  ),
  'clock-wrong': entry(
    0,
    true,
    'The clock is so wrong that no certificate is valid: give it a network with NTP or set it; enrolment goes on by itself.',
  ),

  // What is watched of the machine itself; it sells on, and somebody should look.
  'power-low': entry(
    0,
    true,
    'The power supply is too weak for the board: use its own supply and a short cable.',
  ),
  'machine-hot': entry(
    0,
    true,
    'The machine is above 80 °C and makes itself slower: give it air, clean or mend its fan.',
  ),
  'card-worn': entry(
    0,
    false,
    'The card has been written so much that it may fail soon: bring a new one, and enrol again.',
  ),
  'card-errors': entry(
    0,
    false,
    'The file system of the card has noted errors: have it checked at the next boot (fsck), or replace the card.',
  ),
  'config-refused': entry(
    0,
    false,
    'The kiosk has refused a configuration from the relay and goes on with the one before: kios relay configs says why; push one that is mended.',
  ),

  // What only `kios doctor` tells.
  'config-invalid': entry(0, false, 'The configuration cannot be used: correct the lines named.'),
  'permission-denied': entry(0, false, 'This user may not read what is checked: use sudo.'),
  'service-down': entry(0, true, 'The service kios does not run: systemctl start kios.'),
  'keypad-silent': entry(0, false, 'The key pressed did not arrive: replug or replace the keypad.'),
  'scanner-silent': entry(0, false, 'No reading arrived: run kios learn scanner.'),
  'display-unseen': entry(
    0,
    false,
    'The picture is not seen: check cable, power and who has the console.',
  ),
  'printer-paper-low': entry(0, true, 'The printer has little paper left: bring a new roll.'),
  'device-complains': entry(
    0,
    true,
    'The device is open, and something is wrong with it: read on.',
  ),

  // Input that a customer can mend.
  'amount-zero': entry(0, true, 'The amount is zero.'),
  'amount-above-limit': entry(0, true, 'The amount is above the limit.'),
  'amount-below-limit': entry(0, true, 'The amount is below the limit.'),
  'amount-not-multiple': entry(0, true, 'The amount is no multiple of the price of one piece.'),
  'barcode-unknown': entry(0, true, 'The barcode is not in the catalogue.'),
  'barcode-check-digit': entry(0, true, 'The barcode was misread: its check digit is wrong.'),
  'basket-full': entry(0, true, 'No more items fit into this sale.'),
  'claim-code-short': entry(0, true, 'The claim code is not complete: it has eleven digits.'),
  'claim-code-wrong': entry(0, true, 'No claim of this kiosk has this code.'),
  'claim-entry-locked': entry(0, true, 'Five wrong claim codes: none is taken for ten minutes.'),
  'claim-honoured': entry(0, false, 'The goods of this claim came out at this kiosk already.'),
  'claim-not-now': entry(
    0,
    true,
    'The claim could not be served now; its code stays valid, try again later.',
  ),
} as const satisfies Record<string, ErrorMeaning>;

export type ErrorCode = keyof typeof errors;

/** True when this text is one of ours. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errors, text);
}

/** The world failed, in a way that has a name. Bugs are asserts, not this. */
export class KiosError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, detail: string, cause?: unknown) {
    super(detail, cause === undefined ? undefined : { cause });
    this.name = 'KiosError';
    this.code = code;
    this.retryable = errors[code].retryable;
  }
}
