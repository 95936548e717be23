// The card of a kiosk: the real journal in a real file, without the wait for a real disk. A kill leaves file and log as
// they are, a power cut may lose or tear the write under way, the disk may be full, and a card may be copied and put back.
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KiosError } from '../../src/protocol/errors.ts';
import {
  openJournal,
  type Entry,
  type Journal,
  type JournalFile,
} from '../../src/kiosk/journal.ts';
import type { SaleNote } from '../../src/kiosk/past-sales.ts';
import type { KioskEvent, State } from '../../src/kiosk/state.ts';
import { spoilState } from './spoil.ts';
import type { World } from './world.ts';

const memory = '/dev/shm';

let folder: string | undefined;
/** Of this process: every life of a kiosk has files of its own. */
let files = 0;

/** Removed with the process. In memory, where there is such a place. */
function folderOfCards(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'kios-sim-cards-'));
  process.on('exit', () => {
    rmSync(made, { recursive: true, force: true });
  });
  // Making the tables costs more than a sale: each new card is a copy of this one.
  openJournal(join(made, 'new')).close();
  folder = made;
  return made;
}

function freshPath(): string {
  files++;
  return join(folderOfCards(), `card-${files}`);
}

function walOf(path: string): string {
  return `${path}-wal`;
}

function copyCard(from: string, to: string): void {
  copyFileSync(from, to);
  if (existsSync(walOf(from))) copyFileSync(walOf(from), walOf(to));
}

function removeCard(path: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
}

export class Disk {
  readonly #world: World;
  #path = freshPath();
  /** What the next life finds, where it is not this life's file. */
  #image: string | undefined;
  #open: JournalFile | undefined;
  #underWay: readonly [readonly Entry[], readonly SaleNote[]] | undefined;
  /** Sales whose intent is on the disk: to charge, to dispense. */
  readonly #charged = new Set<string>();
  readonly #dispensed = new Set<string>();
  full = false;
  /** A sale is about to be written down first. */
  onMinted: (note: Extract<SaleNote, { kind: 'minted' }>) => void = () => undefined;

  /** @param image of a card that this one is a copy of */
  constructor(world: World, image?: string) {
    this.#world = world;
    this.#image = image ?? join(folderOfCards(), 'new');
  }

  knowsCharge(saleId: string): boolean {
    return this.#charged.has(saleId);
  }

  knowsDispense(id: string): boolean {
    return this.#dispensed.has(id);
  }

  /** The journal as it stands, for whoever looks at it from outside. */
  get read():
    Pick<JournalFile, 'lastCarriedOut' | 'claimed' | 'proved' | 'slipped' | 'verify'> | undefined {
    return this.#open;
  }

  /** The process is dead: what it was writing is on the disk, or it is not, or half of it is. */
  lose(): void {
    const { draw } = this.#world;
    const under = this.#underWay;
    this.#underWay = undefined;
    if (under === undefined || draw.chance(400)) return;
    const before = statSync(walOf(this.#path)).size;
    void this.#write(...under);
    if (draw.chance(500)) return;
    // The log grows or is written over from its start: only a longer one can be cut.
    const after = statSync(walOf(this.#path)).size;
    if (after > before) truncateSync(walOf(this.#path), draw.between(before, after));
  }

  /** A copy of the card, as it is now. */
  image(): string {
    const path = freshPath();
    copyCard(this.#path, path);
    return path;
  }

  /** Another card is put in, with what this image holds. The kiosk is off. */
  putBack(image: string): void {
    this.#image = image;
  }

  close(): void {
    this.#letGo();
  }

  /** The journal of one life of the kiosk, which may end before or after any write. */
  journal(alive: () => boolean, crash: () => void): Journal {
    const { clock, draw, faults, bug } = this.#world;
    const real = this.#reopen();
    const append: Journal['append'] = (entries, notes = []) => {
      if (!alive()) return new Promise(() => undefined);
      if (this.full) {
        return Promise.reject(new KiosError('disk-full', 'the journal cannot be written'));
      }
      this.#underWay = [entries, notes];
      for (const note of notes) if (note.kind === 'minted') this.onMinted(note);
      const synced = Promise.withResolvers<undefined>();
      if (faults.strikes('kiosk crash')) crash();
      clock.after(draw.between(1, 40), () => {
        if (!alive()) return;
        this.#underWay = undefined;
        void this.#write(entries, notes);
        if (faults.strikes('kiosk crash')) crash();
        else synced.resolve(undefined);
      });
      return bug === 'effect-before-journal' ? Promise.resolve() : synced.promise;
    };
    return {
      append,
      rest: () => {
        real.rest?.();
      },
      tail: () => {
        const { state, events } = real.tail();
        return bug === undefined ? { state, events } : { state: spoilState(bug, state), events };
      },
      verify: () => real.verify(),
      read: (first, limit) => real.read(first, limit),
      proved: () => real.proved(),
      claimed: () => real.claimed(),
      close: () => undefined,
    };
  }

  /** The files as the last life left them; closing it would have tidied them. */
  #reopen(): JournalFile {
    const path = freshPath();
    copyCard(this.#image ?? this.#path, path);
    this.#image = undefined;
    this.#letGo();
    this.#path = path;
    this.#open = openJournal(path);
    return this.#open;
  }

  #letGo(): void {
    // In this order: a database that is gone is not tidied up when it is closed.
    removeCard(this.#path);
    this.#open?.close();
    this.#open = undefined;
  }

  #write(entries: readonly Entry[], notes: readonly SaleNote[]): Promise<void> {
    for (const { kind, body } of entries) {
      // The journal has nothing else in it than what the machine gave it.
      if (kind === 'event') this.#noteEvent(body as KioskEvent);
      else if (kind === 'state') this.#noteState(body as State);
    }
    return this.#open?.append(entries, notes) ?? Promise.resolve();
  }

  #noteEvent(event: KioskEvent): void {
    if (event.kind === 'key') this.#charged.add(event.freshId);
  }

  #noteState({ phase }: State): void {
    if (phase.at === 'charging') this.#charged.add(phase.sale.saleId);
    if (phase.at === 'dispensing') this.#dispensed.add(phase.dispenseId ?? phase.sale.saleId);
  }
}
