// Statements of the hot path: kysely writes the SQL once for each shape, afterwards only the values change.
import { type Compilable, type CompiledQuery, type Kysely } from 'kysely';
import { type Tables } from './schema.ts';

type Value = string | number | null;
type Values = Readonly<Record<string, Value>>;
/** What a statement is called with: values, and rows of values (a `set`, a `values`). */
type Params = Readonly<Record<string, Value | Values>>;

/** Where a value goes when it comes. */
class Slot {
  readonly param: string;
  readonly column: string | undefined;
  constructor(param: string, column?: string) {
    this.param = param;
    this.column = column;
  }
}

/**
 * Runs SQL at once, past kysely's queue; rows come with their names as kysely gives them. Undefined: not now, because a
 * transaction that `db` is no part of is open.
 */
export type Direct = (
  sql: string,
  parameters: readonly unknown[],
  inTransaction: boolean,
) => unknown[] | undefined;

/** By the database's adapter, which all its transactions share. */
const direct = new WeakMap<object, Direct>();

/** From here on the statements of this database run through `run`. For a database with one connection. */
export function runDirectly(db: Kysely<Tables>, run: Direct): void {
  direct.set(db.getExecutor().adapter, run);
}

/** Sets of columns that one statement is kept for; above it all are made anew. */
const maxShapes = 200;

/**
 * Makes a statement. `build` sees a place-holder for every value, so it must not look at them, and a value must never be
 * null where SQL says `is null`. The answer runs it, in a transaction or without.
 */
export function statement<P extends object, R>(
  build: (db: Kysely<Tables>, params: P) => Compilable<R>,
): (db: Kysely<Tables>, params: P) => Promise<R[]> {
  // By the database's adapter, which all its transactions share: each dialect has its own SQL.
  const made = new WeakMap<object, Map<string, CompiledQuery<R>>>();
  return async (db, params) => {
    const given = params as Params;
    const { adapter } = db.getExecutor();
    const shapes = made.get(adapter) ?? new Map<string, CompiledQuery<R>>();
    made.set(adapter, shapes);
    const shape = shapeOf(given);
    let query = shapes.get(shape);
    if (query === undefined) {
      if (shapes.size >= maxShapes) shapes.clear();
      query = build(db, slotsOf(given) as P).compile();
      shapes.set(shape, query);
    }
    const parameters = query.parameters.map((slot) =>
      slot instanceof Slot ? valueOf(given, slot) : slot,
    );
    const rows = direct.get(adapter)?.(query.sql, parameters, db.isTransaction);
    if (rows !== undefined) return rows as R[];
    return (await db.executeQuery<R>({ ...query, parameters })).rows;
  };
}

function isValues(param: Value | Values): param is Values {
  return typeof param === 'object' && param !== null;
}

function shapeOf(params: Params): string {
  let shape = '';
  for (const param of Object.values(params)) {
    if (isValues(param)) shape += `${Object.keys(param).join(',')};`;
  }
  return shape;
}

function slotsOf(params: Params): Record<string, Slot | Record<string, Slot>> {
  const slots: Record<string, Slot | Record<string, Slot>> = {};
  for (const [name, param] of Object.entries(params)) {
    slots[name] = isValues(param)
      ? Object.fromEntries(Object.keys(param).map((column) => [column, new Slot(name, column)]))
      : new Slot(name);
  }
  return slots;
}

function valueOf(params: Params, { param, column }: Slot): Value | undefined {
  const value = params[param];
  if (column === undefined) return value as Value;
  return value === undefined || !isValues(value) ? undefined : value[column];
}
