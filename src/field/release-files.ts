// The program's files in the folder of a release, by name. It does nothing.

/** What every command starts with: `node kios.cjs …`. */
export const programFile = 'kios.cjs';
/** All commands; what each adds lies beside it. */
export const commandsFile = 'kios.mjs';
/** The kiosk alone, in one piece, which V8 keeps compiled. */
export const kioskFile = 'kios-kiosk.cjs';
