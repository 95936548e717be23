// The hands at the kiosk: keypad (also the computer's keyboard), the scanner's gun, and switches that break things.
import { send } from './bench.ts';
import { byId, make, onClick } from './dom.ts';
import { rupiah } from './pixels.ts';
import type { BenchState } from './state.ts';

/** The computer's keyboard as a payment keypad, as a USB pad would be understood. */
const keyboard: Readonly<Record<string, string>> = {
  Enter: 'enter',
  Backspace: 'backspace',
  Escape: 'cancel',
  Delete: 'clear',
  '*': 'clear',
  '/': 'language',
};

export function startKeypad(): void {
  const buttons = new Map<string, HTMLElement>();
  for (const button of document.querySelectorAll<HTMLElement>('[data-key]')) {
    const key = button.dataset['key'] ?? '';
    buttons.set(key, button);
    onClick(button, () => void send('/keys', { key }));
  }
  document.addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || target instanceof HTMLInputElement)
      return;
    const pressed = /^\d$/.test(key) ? key : keyboard[key];
    // A button that was reached with Tab keeps its Enter.
    if (pressed === undefined || (key === 'Enter' && target instanceof HTMLButtonElement)) return;
    event.preventDefault();
    if (event.repeat) return;
    void send('/keys', { key: pressed });
    const button = buttons.get(pressed);
    button?.classList.add('pressed');
    setTimeout(() => button?.classList.remove('pressed'), 120);
  });
}

export interface Gun {
  update(products: BenchState['products']): void;
}

export function startGun(): Gun {
  const shelf = byId('shelf', HTMLElement);
  const text = byId('code', HTMLInputElement);
  const beam = byId('gun', HTMLElement);
  const scan = (code: string): void => {
    if (code === '') return;
    restart(beam, 'flash');
    void send('/scans', { text: code });
  };
  byId('gun', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    scan(text.value.trim());
    text.value = '';
    text.blur();
  });
  return {
    update: (products) => {
      if (shelf.childElementCount > 0) return;
      for (const { barcode, name, priceIdr } of products) {
        const button = make('button', 'product');
        button.type = 'button';
        button.title = barcode;
        button.append(
          make('span', 'bars'),
          make('b', '', name),
          make('span', 'price', rupiah(priceIdr)),
        );
        onClick(button, () => {
          scan(barcode);
        });
        shelf.append(button);
      }
    },
  };
}

/** Runs the animation of a class from its beginning. */
function restart(element: HTMLElement, name: string): void {
  element.classList.remove(name);
  element.getBoundingClientRect(); // Without a layout in between the browser sees no change.
  element.classList.add(name);
}

export interface Lamp {
  update(pulses: number): void;
}

/** Lights for each pulse of the motor, and lets something fall. */
export function createLamp(): Lamp {
  const box = byId('goods', HTMLElement);
  const count = byId('pulses', HTMLElement);
  let before: number | undefined;
  return {
    update: (pulses) => {
      count.textContent = String(pulses);
      if (before !== undefined && pulses > before) {
        restart(box, 'moving');
      }
      before = pulses;
    },
  };
}

export interface Switches {
  update(switches: BenchState['switches']): void;
}

export function startSwitches(): Switches {
  const boxes = [...document.querySelectorAll<HTMLInputElement>('input[data-switch]')];
  for (const box of boxes) {
    box.addEventListener('change', () => {
      box.blur();
      void send('/switches', { name: box.dataset['switch'], on: box.checked });
    });
  }
  return {
    update: (switches) => {
      for (const box of boxes) {
        const on = switches[box.dataset['switch'] ?? ''] ?? null;
        box.checked = on === true;
        box.disabled = on === null; // A real device is broken by real hands.
      }
    },
  };
}
