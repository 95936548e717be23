// Text as a printer can print it: one character a column, one byte a character of the printer's code page. PURE.
// It never lets a control character through: text comes from outside, and an ESC in it would be a command.

export const codePageNames = ['pc437', 'wpc1252'] as const;
export type CodePageName = (typeof codePageNames)[number];

interface CodePage {
  /** Operand of ESC t ("Select character code table") on Epson's and most clones' tables. */
  escT: number;
  /** The characters of the bytes from `first` on; U+FFFD where a byte has none. */
  first: number;
  characters: string;
}

/* The upper halves: unicode.org MAPPINGS/VENDORS/MICSFT/PC/CP437.TXT, and ISO 8859-1 for the part used of CP1252. */
const pc437 =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧' +
  '╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■';
const latin1 = Array.from({ length: 96 }, (_, i) => String.fromCharCode(0xa0 + i)).join('');

const codePages: Record<CodePageName, CodePage> = {
  pc437: { escT: 0, first: 0x80, characters: pc437 },
  wpc1252: { escT: 16, first: 0xa0, characters: latin1 },
};

/** What stands in for characters that hardly any code page has. */
const standIns: Readonly<Record<string, string>> = {
  '\t': ' ',
  '\u00a0': ' ',
  '\u202f': ' ',
  '“': '"',
  '”': '"',
  '„': '"',
  '‘': "'",
  '’': "'",
  '‐': '-',
  '‑': '-',
  '–': '-',
  '—': '-',
  '−': '-',
  '…': '...',
  '•': '*',
  '×': 'x',
  '→': '->',
  '✓': 'v',
  '©': '(c)',
  '®': '(R)',
  '€': 'EUR',
};

export function escTOperand(page: CodePageName): number {
  return codePages[page].escT;
}

/** What every page has: nearly all that is printed. */
const plain = /^[\n -~]*$/;

/**
 * Rewrites text so that each character is one column and has a byte in the page: `é` stays or becomes `e`, curly
 * quotes become straight ones, what has no likeness becomes `?`. Line feeds stay; other control characters become `?`.
 */
export function printable(text: string, page: CodePageName): string {
  if (plain.test(text)) return text;
  let out = '';
  for (const character of text.normalize('NFC')) out += standIn(character, page);
  return out;
}

function standIn(character: string, page: CodePageName): string {
  if (character === '\n' || isAscii(character)) return character;
  const replacement = standIns[character];
  if (replacement !== undefined) return replacement;
  if (codePages[page].characters.includes(character)) return character;
  if (/^[\p{M}\p{Cf}]$/u.test(character)) return ''; // Marks, joiners and directions take no column.
  const bare = character.normalize('NFKD').replace(/\p{M}/gu, '');
  return bare !== '' && Array.from(bare).every(isAscii) ? bare : '?';
}

function isAscii(character: string): boolean {
  return character >= ' ' && character <= '~';
}

/** Bytes of text that went through `printable`: no character of it has two halves. */
export function encodeText(text: string, page: CodePageName): number[] {
  const { first, characters } = codePages[page];
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const at = code < 0x7f ? -1 : characters.indexOf(text.charAt(i));
    bytes.push(at < 0 ? code & 0x7f : first + at);
  }
  return bytes;
}

/** The character of a byte, for reading paper back; U+FFFD when the page has none. */
export function decodeByte(byte: number, escT: number): string {
  if (byte >= 0x20 && byte <= 0x7e) return String.fromCharCode(byte);
  const page = Object.values(codePages).find((one) => one.escT === escT);
  return page?.characters[byte - page.first] ?? '\ufffd';
}
