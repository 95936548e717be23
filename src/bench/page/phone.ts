// The customer's phone: reads a QR out of pixels, shows the bill as a wallet does, pays. It knows nothing of the kiosk.
import { decodeQR } from '/qr/decode.js';
import { send, type Answer } from './bench.ts';
import { byId, onClick } from './dom.ts';
import { rupiah } from './pixels.ts';

export interface Phone {
  /** Looks at a picture: the kiosk's screen, or a slip. Undefined: there is nothing to see. */
  look(picture: ImageData | undefined): void;
}

type View = 'camera' | 'bill' | 'done';

/** Pictures come faster than a phone can read them. */
const readEveryMs = 250;
const decodeLimitMs = 400;

const declinedWords = 'Ditolak di aplikasi. QR masih berlaku. · Declined; the QR still works.';

export function createPhone(): Phone {
  const ui = elements();
  /** The QR that is on the phone, and the last one that was dealt with. */
  let held: string | undefined;
  let settled: string | undefined;
  let visible: string | undefined;
  let timer: number | undefined;
  let latest: ImageData | undefined;

  const show = (view: View): void => {
    ui.phone.dataset['view'] = view;
    ui.said.textContent = '';
  };
  const open = async (qrString: string): Promise<void> => {
    held = qrString;
    const { ok, json } = await send('/wallet/scan', { qrString });
    if (held !== qrString) return;
    if (!ok) {
      settled = qrString;
      show('camera');
      ui.lens.textContent = wordsOf(json);
      return;
    }
    fillIn(ui, json as Bill);
    show('bill');
  };
  const act = async (path: string, late: boolean): Promise<void> => {
    const qrString = held;
    if (qrString === undefined) return;
    ui.said.textContent = '…';
    const answer = await send(path, path === '/wallet/pay' ? { qrString, late } : { qrString });
    if (held !== qrString) return;
    if (!answer.ok) ui.said.textContent = wordsOf(answer.json);
    else if (path === '/wallet/decline') ui.said.textContent = declinedWords;
    else {
      settled = qrString;
      show('done');
    }
  };
  const putAway = (): void => {
    settled = held;
    held = undefined;
    show('camera');
    ui.lens.textContent = '';
  };
  const read = (): void => {
    timer = undefined;
    visible = latest === undefined ? undefined : qrIn(latest);
    ui.phone.dataset['sees'] = visible === undefined ? 'nothing' : 'qr';
    if (visible !== undefined && visible !== held && visible !== settled) void open(visible);
  };

  wire(ui, act, putAway);
  onClick(ui.lens, () => {
    if (visible !== undefined) void open(visible);
  });
  return {
    look: (picture) => {
      latest = picture;
      timer ??= window.setTimeout(read, readEveryMs);
    },
  };
}

interface Bill {
  merchant: string;
  city: string;
  amountIdr: number;
}

function fillIn(ui: Elements, { merchant, city, amountIdr }: Bill): void {
  ui.merchant.textContent = merchant;
  ui.city.textContent = city;
  ui.amount.textContent = rupiah(amountIdr);
  ui.paid.textContent = rupiah(amountIdr);
}

function wire(
  ui: Elements,
  act: (path: string, late: boolean) => Promise<void>,
  putAway: () => void,
): void {
  onClick(ui.pay, () => void act('/wallet/pay', false));
  onClick(ui.late, () => void act('/wallet/pay', true));
  onClick(ui.decline, () => void act('/wallet/decline', false));
  onClick(ui.close, putAway);
  onClick(ui.finish, putAway);
}

type Elements = Record<
  | 'phone'
  | 'merchant'
  | 'city'
  | 'amount'
  | 'paid'
  | 'said'
  | 'lens'
  | 'pay'
  | 'late'
  | 'decline'
  | 'close'
  | 'finish',
  HTMLElement
>;

function elements(): Elements {
  const of = (id: string): HTMLElement => byId(id, HTMLElement);
  return {
    phone: of('phone'),
    merchant: of('merchant'),
    city: of('city'),
    amount: of('amount'),
    paid: of('paid'),
    said: of('said'),
    lens: of('lens'),
    pay: of('pay'),
    late: of('late'),
    decline: of('decline'),
    close: of('close'),
    finish: of('finish'),
  };
}

function qrIn({ width, height, data }: ImageData): string | undefined {
  try {
    return decodeQR({ width, height, data }, { format: 'RGBA', timeLimit: decodeLimitMs });
  } catch {
    return undefined; // The library says "no QR here" by throwing.
  }
}

function wordsOf(json: Answer['json']): string {
  const detail = (json as { detail?: unknown } | undefined)?.detail;
  return typeof detail === 'string' ? detail : 'Tidak ada jaringan. · No network.';
}
