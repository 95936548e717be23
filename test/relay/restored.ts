// A relay's database as an operator has it: a backup while it runs, and put back after a loss.
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../../src/lib/clock.ts';
import { signReport } from '../../src/protocol/report.ts';
import { type Fulfilment, type Sale } from '../../src/protocol/sale.ts';
import { withStore } from './claim-setting.ts';
import { type Setting, type TestKiosk } from './setting.ts';

export interface Backup {
  /** Stops the relay, puts the file back, `restored` (a new ledger, as the command makes it) where wanted, starts. */
  restore(restored: boolean): Promise<void>;
}

let backups = 0;

/** Everything that is committed now. */
export function backUp(setting: Setting): Backup {
  const file = storeFile(setting);
  const copy = join(setting.dir, `backup-${++backups}.db`);
  onFile(file, (db) => {
    db.exec(`vacuum into '${copy}'`);
  });
  return {
    async restore(restored) {
      await setting.stopRelay();
      for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
      copyFileSync(copy, file);
      if (restored) await withStore(setting, (store) => store.beginLedger(`ledger-${backups}`));
      await setting.restart();
    },
  };
}

export function storeFile(setting: Setting): string {
  const { sqlite } = setting.config.store;
  if (sqlite === undefined) throw new Error('this setting has no file');
  return sqlite;
}

export function onFile<T>(file: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** One entry of `POST /v1/recover`, signed as the kiosk does it. */
export function posted(
  { proof, saleId }: Sale,
  result?: Exclude<Fulfilment, 'unreported'>,
  kiosk?: TestKiosk,
): { proof: string; fulfilment?: Fulfilment; signed?: string } {
  if (result === undefined || kiosk === undefined) return { proof };
  const signed = signReport({ saleId, result }, kiosk.privateKey, systemClock.nowMs());
  return { proof, fulfilment: result, signed };
}

/** Tries, as a kiosk does, until the relay takes this new sale; the test's own time limit ends it. */
export async function sellAgain(kiosk: TestKiosk): Promise<Sale> {
  const saleId = kiosk.newSaleId();
  for (;;) {
    const { status, json } = await kiosk.call('PUT', `/v1/sales/${saleId}`, { amountIdr: 7_000 });
    if (status === 201) return kiosk.get(saleId);
    if (json['code'] !== 'recovering') throw new Error(JSON.stringify(json));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
