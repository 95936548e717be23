// Bugs to plant: each is a small switch somewhere in the wiring of a run, never in the product. The simulation must find
// each of them, or it proves nothing.

/** What the switch breaks. */
export const bugs = {
  'pulse-for-every-paid': 'dispenses on every verdict `paid`, whatever the machine says',
  'fresh-id-on-retry': 'a repeated charge goes out under a new sale id',
  'pulse-again-after-restart': 'dispenses anew instead of asking the board',
  'dead-on-first-404': 'the ledger takes the first 404 for "never had it"',
  'mqtt-as-fetched': 'a queued MQTT message counts as a verdict that was fetched now',
  'effect-before-journal': 'the journal says "written" before it has written',
  'error-ends-sale': 'a cancel that fails is taken for a cancelled sale',
  'late-money-vends': '`paid-late` is taken for `paid`',
  'report-once': 'a report that failed is not repeated',
  'open-attempt-forgotten':
    'the ledger forgets that a charge is still under way when it is stopped',
  'message-unproved': 'a message is believed without its proof',
  'grant-unproved': 'a refused redemption is taken for a grant',
  'reports-forgotten': 'a restart forgets what was not reported yet',
  'sale-forgotten': 'a restart forgets the sale in hand',
  'notice-believed': 'what a notice says of money is taken for what Midtrans answers',
  'unknown-is-done': 'a board that does not answer has dispensed',
  'unknown-is-failed': 'a board that does not answer has not dispensed',
  'deadlines-forgotten': 'nobody walks what is due at the relay',
  'claim-not-kept': 'goods that failed open no claim',
  'honoured-again': 'neither kiosk nor relay remembers that a claim was honoured',
  'key-unlearnt': 'the kiosk does not ask for new keys of the relay',
  'ledger-unchecked': 'the kiosk does not care that the ledger is another one',
  'served-for-ever': 'money that is hours old moves a motor after a power cut',
  'same-boot-after-power-cut': 'a machine that had no power takes its old deadlines for its own',
  'wall-clock-for-deadlines': 'deadlines are counted by the clock on the wall',
  'price-of-the-day': 'pieces are reckoned when they are handed over, by the price of then',
  'nothing-given-back': 'the kiosk posts nothing to a relay that was restored',
} as const;

export type Bug = keyof typeof bugs;
export const bugNames = Object.keys(bugs) as readonly Bug[];
