// Brings what SQLite has written into the journal's log to the disk, on another thread: a card may take 800 ms for it, and
// keys are echoed meanwhile. A commit with `synchronous=NORMAL` writes the log and leaves this sync to us; together they
// are `FULL` (sqlite.org/pragma.html#pragma_synchronous). It must never answer before the disk has.
import { closeSync, fdatasync, fdatasyncSync, openSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

/** As many entries lie in the log before it is folded into the file in a quiet moment: some hundred sales. */
const restAfterEntries = 1500;
/** A kiosk that has no quiet moment folds all the same; its log is some tens of megabytes then. */
const maxEntriesUnfolded = 15_000;

export class JournalSync {
  readonly #db: DatabaseSync;
  /** Of the log, which stays the same file while the connection is open. SQLite locks only the database itself. */
  readonly #log: number;
  #unfolded = 0;

  /** @param path of the database, which is open and has been read, so that its log is there. */
  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    const log = `${path}-wal`;
    // What an earlier run could not sync is read well from memory, and no later sync brings it to the disk: nothing may
    // be written behind such a hole. And a kiosk that is killed again and again never comes to rest.
    if (statSync(log).size > 0) db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#log = openSync(log, 'r');
  }

  /** Resolves when everything that was committed before is on the disk. Rejects with what the file system says. */
  async synced(entries: number): Promise<void> {
    this.#unfolded += entries;
    await new Promise<void>((resolve, reject) => {
      fdatasync(this.#log, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    if (this.#unfolded >= maxEntriesUnfolded) this.#fold();
  }

  /** Nobody waits for the kiosk now. Folding takes three syncs and holds the loop. */
  rest(): void {
    if (this.#unfolded >= restAfterEntries) this.#fold();
  }

  /** The same on this thread: each commit is on the disk before the next is begun, also one that nobody waits for. */
  syncNow(): void {
    fdatasyncSync(this.#log);
  }

  close(): void {
    closeSync(this.#log);
  }

  #fold(): void {
    this.#unfolded = 0;
    this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    // The first commit after it syncs the log's new head on this thread: one that says nothing does it now.
    const version = Object.values(this.#db.prepare('PRAGMA user_version').get() ?? {})[0];
    this.#db.exec(`PRAGMA user_version = ${Number(version)}`);
    this.syncNow();
  }
}
