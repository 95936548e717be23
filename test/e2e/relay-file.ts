// A real relay's database, looked at from beside it, backed up while it runs, and put back after a loss.
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../../src/lib/clock.ts';
import type { ClaimRow, SaleRow } from '../../src/relay/sale-row.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import type { Store } from '../../src/relay/store/store.ts';
import { runKios } from './program.ts';
import type { World } from './world.ts';

/** Undefined: the relay has no such claim. */
export function claimAt(world: World, saleId: string): Promise<ClaimRow | undefined> {
  return beside(world, (store) => store.claim(saleId));
}

/** Undefined: the relay has no such sale. */
export function saleAt(world: World, saleId: string): Promise<SaleRow | undefined> {
  return beside(world, (store) => store.sale(saleId));
}

/** A backup of everything that is committed now. */
export function backUp(world: World): string {
  const copy = join(world.folder, 'backup.sqlite');
  const db = new DatabaseSync(storeFile(world), { timeout: 5_000 });
  db.exec(`VACUUM INTO '${copy}'`);
  db.close();
  return copy;
}

/** The relay is lost, its backup put back as an operator does it, and the relay started. */
export async function restore(world: World, copy: string): Promise<void> {
  await world.relay.kill();
  const file = storeFile(world);
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
  copyFileSync(copy, file);
  const config = join(world.folder, 'relay.yaml');
  const { code, output } = await runKios('relay', '--config', config, 'restored', '--yes');
  if (code !== 0) throw new Error(output);
  await world.startRelay();
}

function storeFile(world: World): string {
  return join(world.folder, 'relay', 'relay.sqlite');
}

async function beside<T>(world: World, work: (store: Store) => Promise<T>): Promise<T> {
  const database = await connectDatabase({ sqlite: storeFile(world) }, systemClock);
  const store = await openStore(database, 'unused');
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
