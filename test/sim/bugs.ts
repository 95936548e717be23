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
} as const;

export type Bug = keyof typeof bugs;
export const bugNames = Object.keys(bugs) as readonly Bug[];
