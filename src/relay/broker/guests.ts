// Who is at the broker inside, and who is on the way in: whoever is shown out between the check of the token and the end
// of the connecting must not stay.

/** As much of aedes' client as this needs. */
export interface Guest {
  readonly id: string;
  readonly conn: { once(event: 'close', gone: () => void): unknown };
  close(): void;
}

export interface Guests {
  /** Its token is looked at. */
  arriving(guest: Guest): void;
  /** Its token was good, with this key, of this boot. */
  shows(guest: Guest, key: string, bootId: string): void;
  /** It is connected; one that was shown out meanwhile is ended here. */
  arrived(guest: Guest): void;
  /** False: another connection stands under its id. */
  left(guest: Guest): boolean;
  /** Ends the connection of this id, also one that is still being made. One that shows this key may stay. */
  showOut(id: string, key?: string): void;
  /** Ends the connection of this id, unless it is of that boot: it lives, the others were replaced. */
  keepOnly(id: string, bootId: string): void;
}

export function createGuests(): Guests {
  const here = new Map<string, Guest>();
  const onTheWay = new Set<Guest>();
  const keys = new WeakMap<Guest, string>();
  const boots = new WeakMap<Guest, string>();
  /** With which key they may stay; undefined: with none. */
  const unwanted = new WeakMap<Guest, string | undefined>();

  function mayStay(guest: Guest, key: string | undefined): boolean {
    return key !== undefined && keys.get(guest) === key;
  }

  return {
    arriving(guest) {
      onTheWay.add(guest);
      guest.conn.once('close', () => onTheWay.delete(guest));
    },
    shows(guest, key, bootId) {
      keys.set(guest, key);
      boots.set(guest, bootId);
    },
    arrived(guest) {
      onTheWay.delete(guest);
      here.set(guest.id, guest);
      if (unwanted.has(guest) && !mayStay(guest, unwanted.get(guest))) guest.close();
    },
    left(guest) {
      if (here.get(guest.id) !== guest) return false;
      here.delete(guest.id);
      return true;
    },
    showOut(id, key) {
      for (const guest of onTheWay) if (guest.id === id) unwanted.set(guest, key);
      const guest = here.get(id);
      if (guest !== undefined && !mayStay(guest, key)) guest.close();
    },
    keepOnly(id, bootId) {
      const guest = here.get(id);
      if (guest !== undefined && boots.get(guest) !== bootId) guest.close();
    },
  };
}
