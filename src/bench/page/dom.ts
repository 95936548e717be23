// Finding and making elements, with their types.

/** The element with this id. @throws Error when the page has none of that kind */
export function byId<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} "${id}"`);
}

export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  className: string,
  text = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

/** A click that leaves the keyboard to the kiosk: Enter must not press the same button again. */
export function onClick(element: HTMLElement, act: () => void): void {
  element.addEventListener('click', (event) => {
    if (event.detail > 0) element.blur(); // 0: by the keyboard, whose user needs the focus.
    act();
  });
}
