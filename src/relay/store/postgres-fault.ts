// Why PostgreSQL could not be reached or let nobody in, in words that name host, database and setting. Never the password.
import pg from 'pg';
import { KiosError } from '../../protocol/errors.ts';
import { SettingFault } from '../setting-fault.ts';
import { certificateWords } from '../tls-words.ts';

const defaultPort = '5432';

interface Place {
  url: string;
  passwordFile?: string | undefined;
}

/** A SettingFault where the configuration must be mended; `store-down` where the server may only be away. */
export function connectFault({ url, passwordFile }: Place, error: unknown): Error {
  const { at, user, database } = placeOf(url);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  const of = (setting: string, words: string): SettingFault =>
    new SettingFault(`store.postgres.${setting}`, words, error);
  if (code === '28P01') {
    const hint = passwordFile === undefined ? '; name a passwordFile' : `, from ${passwordFile}`;
    return of('passwordFile', `${at} refuses the password of ${user} (${code})${hint}`);
  }
  if (message.includes('client password must be a')) {
    return of('passwordFile', `${at} asks for the password of ${user}; name a passwordFile`);
  }
  if (code === '3D000') return of('url', `there is no database ${database} at ${at} (${code})`);
  if (code === '28000') {
    return of('url', `${at} does not let ${user} into ${database} (${code}): ${message}`);
  }
  if (message.includes('does not support SSL')) {
    return of('url', `${at} speaks no TLS: set ssl = on there`);
  }
  const certificate = certificateWords(code);
  if (certificate !== undefined) return of('caFile', `${at}: ${certificate}`);
  if (error instanceof pg.DatabaseError) {
    return new KiosError('store-down', `${at}, database ${database}: ${message} (${code})`, error);
  }
  const why = code === '' ? message : code;
  return new KiosError('store-down', `store.postgres.url: no connection to ${at} (${why})`, error);
}

function placeOf(text: string): { at: string; user: string; database: string } {
  const url = URL.parse(text);
  const host = url?.searchParams.get('host') ?? url?.hostname ?? '';
  const port = url?.port ?? '';
  const name = decodeURIComponent(url?.pathname.slice(1) ?? '');
  const user = decodeURIComponent(url?.username ?? '');
  return {
    at: `${host}:${port === '' ? defaultPort : port}`,
    user: user === '' ? 'the role' : user,
    database: name === '' ? user : name,
  };
}
