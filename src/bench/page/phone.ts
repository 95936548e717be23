// The customer's phone: its camera finds a QR, its wallet shows the bill and pays. It knows nothing of the kiosk.
import { send, type Answer } from './bench.ts';
import { createCamera, type Camera } from './camera.ts';
import { byId, make, onClick } from './dom.ts';
import { rupiah } from './pixels.ts';

export interface Phone {
  readonly camera: Pick<Camera, 'lookAtScreen' | 'lookAtSlip'>;
}

/** For those who read Indonesian, and for the others. The twin has only the first. */
interface Words {
  id: string;
  en: string;
}

const declined: Words = {
  id: 'Ditolak di aplikasi. QR masih berlaku.',
  en: 'Declined; the QR still works.',
};
const noNetwork: Words = { id: 'Tidak ada jaringan.', en: 'No network.' };

/** How every EMVCo payload begins (tag 00). A wallet passes over other codes, such as the one of a claim. */
const emvcoStart = '000201';

function billOf(text: string | undefined): string | undefined {
  return text?.startsWith(emvcoStart) === true ? text : undefined;
}

export function createPhone(): Phone {
  const ui = elements();
  const wallet = createWallet(ui);
  const camera = createCamera((text) => {
    const qrString = billOf(text);
    ui.phone.dataset['sees'] = qrString === undefined ? 'nothing' : 'qr';
    if (qrString === undefined) wallet.lost();
    else if (!wallet.knows(qrString)) void wallet.open(qrString);
  });
  onClick(ui.lens, () => {
    const qrString = billOf(camera.visible());
    if (qrString !== undefined) void wallet.open(qrString);
  });
  return { camera };
}

interface Wallet {
  /** Whether this QR is on the phone, or was the last one that it dealt with. */
  knows(qrString: string): boolean;
  /** Asks what the QR is, and shows the bill. */
  open(qrString: string): Promise<void>;
  /** The QR is no longer in view: that it still works need not be true any more. */
  lost(): void;
}

function createWallet(ui: Elements): Wallet {
  let held: string | undefined;
  let settled: string | undefined;

  let hopeful = false;

  const show = (view: 'camera' | 'bill' | 'done'): void => {
    ui.phone.dataset['view'] = view;
    ui.said.textContent = '';
    hopeful = false;
  };
  const act = async (path: string, late: boolean): Promise<void> => {
    const qrString = held;
    if (qrString === undefined) return;
    ui.said.textContent = '…';
    hopeful = false;
    const answer = await send(path, path === '/wallet/pay' ? { qrString, late } : { qrString });
    if (held !== qrString) return;
    if (!answer.ok) write(ui.said, wordsOf(answer.json));
    else if (path === '/wallet/decline') {
      write(ui.said, declined);
      hopeful = true;
    } else {
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

  wire(ui, act, putAway);
  return {
    knows: (qrString) => qrString === held || qrString === settled,
    open: async (qrString) => {
      held = qrString;
      const { ok, json } = await send('/wallet/scan', { qrString });
      if (held !== qrString) return;
      if (ok) {
        fillIn(ui, json as Bill);
        show('bill');
        return;
      }
      settled = qrString;
      show('camera');
      write(ui.lens, wordsOf(json));
    },
    lost: () => {
      if (hopeful) ui.said.textContent = '';
      hopeful = false;
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

function wordsOf(json: Answer['json']): Words {
  const detail = (json as { detail?: unknown } | undefined)?.detail;
  return typeof detail === 'string' ? { id: detail, en: '' } : noNetwork;
}

function write(element: HTMLElement, { id, en }: Words): void {
  element.replaceChildren(id, make('small', '', en));
}
