// Looks for secrets where none may be: in arguments and environments of processes, logs and files. It knows each by its own
// bytes, and those that are made anew each time by their form.
import { readdirSync, readFileSync } from 'node:fs';

/** What must be found nowhere, by a name that may be told. */
export type Secrets = Readonly<Record<string, string>>;

/** Forms of what nobody can know beforehand. */
const forms: readonly (readonly [string, RegExp])[] = [
  ['a token or proof', /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/],
  ['a private key', /PRIVATE KEY/],
  ['a QR text', /000201010[0-9][ -~]{20}/],
  ['a signature of Midtrans', /\b[0-9a-f]{128}\b/i],
];

/** The names of all that this text gives away. */
export function givenAway(text: string, secrets: Secrets): string[] {
  const known = Object.entries(secrets).filter(([, secret]) =>
    waysToWrite(secret).some((written) => text.includes(written)),
  );
  const formed = forms.filter(([, form]) => form.test(text));
  return [...known, ...formed].map(([name]) => name);
}

/** As it is, as HTTP's Basic has it (RFC 7617: user, colon, no password), in hex, and as JSON breaks its lines. */
function waysToWrite(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    bytes.toString('base64').replace(/=+$/, ''),
    Buffer.from(`${secret}:`).toString('base64'),
    bytes.toString('hex'),
    JSON.stringify(secret).slice(1, -1),
  ];
}

/** Watches every process that this one starts, and theirs: what they were started with may be over in a moment. */
export class ProcessWatch {
  readonly #seen = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      this.look();
    }, everyMs);
  }

  /** All arguments and environments so far. */
  get text(): string {
    return [...this.#seen].join('\n');
  }

  look(): void {
    const parents = new Map<number, number>();
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      parents.set(pid, Number(/\) \S (\d+) /.exec(procText(pid, 'stat'))?.[1]));
    }
    for (const pid of parents.keys()) {
      if (!descends(pid, parents)) continue;
      for (const file of ['cmdline', 'environ']) {
        this.#seen.add(procText(pid, file).replaceAll('\0', ' '));
      }
    }
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

const everyMs = 20;
/** No process of a test is deeper. */
const maxDepth = 16;

function descends(pid: number, parents: ReadonlyMap<number, number>): boolean {
  let at = parents.get(pid);
  for (let depth = 0; depth < maxDepth && at !== undefined; depth++) {
    if (at === process.pid) return true;
    at = parents.get(at);
  }
  return false;
}

function procText(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // It ended while we looked.
  }
}
