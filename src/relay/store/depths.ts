// How much lies in the tables that should be nearly empty, for the operator's graphs. Reads only.
import { type Database } from './database.ts';

export interface Depths {
  /** Stored notices that get-status has not confirmed. */
  notices: number;
  /** Verdicts that a kiosk has not acknowledged. */
  outbox: number;
  /** Claims that are open or locked: money that is owed. */
  claims: number;
  /** Sales whose end Midtrans has not said. */
  openSales: number;
  kiosksOnline: number;
}

export interface DepthStore {
  depths(): Promise<Depths>;
}

export function depthStore({ db }: Database): DepthStore {
  return {
    async depths() {
      const notices = db
        .selectFrom('notices')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .where('state', '=', 'unconfirmed');
      const outbox = db.selectFrom('outbox').select((eb) => eb.fn.countAll<number>().as('n'));
      const claims = db
        .selectFrom('claims')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .where('state', 'in', ['open', 'redeeming', 'refunding']);
      const openSales = db
        .selectFrom('sales')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .where('verdict', 'in', ['creating', 'pending'])
        // Every open sale waits for its next question, so that this is no walk through all the past.
        .where('askAtMs', 'is not', null);
      const online = db
        .selectFrom('kiosks')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .where('online', '=', 1);
      return {
        notices: (await notices.executeTakeFirstOrThrow()).n,
        outbox: (await outbox.executeTakeFirstOrThrow()).n,
        claims: (await claims.executeTakeFirstOrThrow()).n,
        openSales: (await openSales.executeTakeFirstOrThrow()).n,
        kiosksOnline: (await online.executeTakeFirstOrThrow()).n,
      };
    },
  };
}
