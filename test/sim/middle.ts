// Whoever sits on the line of a kiosk: he sees every word, alters and replays it, and has no key of anybody.
import type { WireAnswer, WireRequest } from './switchboard.ts';
import type { World } from './world.ts';

/** What he remembers of one kiosk's line. */
export interface Seen {
  answers: { path: string; answer: WireAnswer }[];
  messages: string[];
  requests: WireRequest[];
}

const maxSeen = 60;

export function newSeen(): Seen {
  return { answers: [], messages: [], requests: [] };
}

/** What the kiosk gets instead of the relay's answer. */
export function alterAnswer(
  world: World,
  seen: Seen,
  { path }: WireRequest,
  answer: WireAnswer,
): WireAnswer {
  const { faults, draw } = world;
  remember(seen.answers, { path, answer });
  if (faults.strikes('middle replays answer')) {
    const older = seen.answers.filter((each) => each.path === path || draw.chance(100));
    const taken = older[draw.between(0, older.length - 1)];
    world.say('middle', `replays an answer on ${path}`);
    return taken?.answer ?? answer;
  }
  if (!faults.strikes('middle alters answer')) return answer;
  world.say('middle', `alters an answer on ${path}`);
  const kind = draw.between(0, 9);
  if (kind === 0) return { status: 200, text: '<html>hotel login</html>' };
  if (kind === 1) return problemOf(draw.chance(500) ? 'sale-unknown' : 'fulfilment-mismatch');
  if (kind === 2) return problemOf(draw.chance(500) ? 'ledger-differs' : 'recovering');
  return { ...answer, text: alteredText(world, answer.text) };
}

/** What the kiosk hears from the broker instead of the relay's message; undefined: nothing that can be read. */
export function alterMessage(world: World, seen: Seen, text: string): unknown {
  const { faults, draw } = world;
  remember(seen.messages, text);
  let said = text;
  if (faults.strikes('middle replays message')) {
    // An answer to some question of the kiosk fits the shape of a message as well.
    const pool = [...seen.messages, ...seen.answers.map(({ answer }) => answer.text)];
    said = pool[draw.between(0, pool.length - 1)] ?? text;
  }
  if (faults.strikes('middle alters message')) said = alteredText(world, said);
  try {
    return JSON.parse(said);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What the relay gets instead of the kiosk's request. */
export function alterRequest(world: World, seen: Seen, request: WireRequest): WireRequest {
  const { faults, draw } = world;
  remember(seen.requests, request);
  if (faults.strikes('middle replays request')) {
    const older = seen.requests[draw.between(0, seen.requests.length - 1)] ?? request;
    world.say('middle', `replays ${older.method} ${older.path}`);
    return older;
  }
  if (request.body === undefined || !faults.strikes('middle alters request')) return request;
  world.say('middle', `alters ${request.method} ${request.path}`);
  return { ...request, body: alteredBody(world, request.body) };
}

function problemOf(code: string): WireAnswer {
  const problem = { type: '', title: '', status: 409, code };
  return { status: 409, text: JSON.stringify(problem) };
}

/** One word of a report or an order changed; or its signature left out. */
function alteredBody(world: World, body: string): string {
  const said = JSON.parse(body) as Record<string, unknown>;
  const { draw } = world;
  const results = ['done', 'failed', 'unknown', 'abandoned'] as const;
  const kind = draw.between(0, 3);
  if (kind === 0 && 'signed' in said) delete said['signed'];
  else if (kind === 1 && 'result' in said) {
    said['result'] = results[draw.between(0, results.length - 1)];
    if (draw.chance(500)) delete said['signed'];
  } else if ('amountIdr' in said) said['amountIdr'] = draw.between(1, 300) * 1_000;
  else if ('upTo' in said) said['upTo'] = Number(said['upTo']) + draw.between(-2, 5);
  else if ('since' in said) said['since'] = `${draw.between(0, 50)}.00000000`;
  return JSON.stringify(said);
}

/** One field of a document, or of a page of them, says something else. */
function alteredText(world: World, text: string): string {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
  if (typeof said !== 'object' || said === null) return text;
  const page = said as Record<string, unknown>;
  const { sales } = page;
  const target = Array.isArray(sales) && sales.length > 0 && world.draw.chance(700);
  alterField(world, target ? (sales[0] as Record<string, unknown>) : page);
  return JSON.stringify(page);
}

function alterField({ draw }: World, said: Record<string, unknown>): void {
  const words = ['paid', 'cancelled', 'expired', 'pending', 'refunded', 'paid-late'] as const;
  const changes: readonly (() => void)[] = [
    () => (said['verdict'] = words[draw.between(0, words.length - 1)]),
    () => (said['amountIdr'] = draw.between(1, 300) * 1_000),
    () => (said['qrString'] = '00020101021226610014COM.GO-JEK.WWW6304ABCD'),
    () => (said['expiresInMs'] = draw.between(0, 10_000_000)),
    () => (said['settledAgoMs'] = draw.between(0, 1_000)),
    () => (said['ledgerId'] = `ledger-${draw.between(1, 9)}`),
    () => (said['fulfilment'] = draw.chance(500) ? 'done' : undefined),
    () => (said['seq'] = draw.between(0, 40)),
    () => (said['prev'] = draw.between(0, 40)),
    () => (said['state'] = draw.chance(500) ? 'honoured' : 'open'),
    () => (said['recovering'] = draw.chance(500)),
    () => (said['more'] = draw.chance(500)),
    () => (said['proof'] = `${String(said['proof']).slice(0, -4)}AAAA`),
  ];
  changes[draw.between(0, changes.length - 1)]?.();
}

function remember<T>(seen: T[], one: T): void {
  seen.push(one);
  if (seen.length > maxSeen) seen.shift();
}
