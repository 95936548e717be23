// Certificates and keys of our own listeners, read once at the start. A file that cannot serve is told in words that name
// it; nothing of a key is ever told.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { SettingFault } from './setting-fault.ts';

export interface TlsFiles {
  certFile: string;
  keyFile: string;
}

export interface TlsOptions {
  cert: Buffer;
  key: Buffer;
  minVersion: 'TLSv1.2';
}

/**
 * What Node's TLS servers want. 1.2 stays open: Midtrans' sender speaks nothing newer (midtrans.md §1).
 * @param setting where the configuration names the files, such as `http.tls`
 * @throws SettingFault
 */
export function readTls({ certFile, keyFile }: TlsFiles, setting: string): TlsOptions {
  const cert = readTlsFile(certFile, `${setting}.certFile`);
  const key = readTlsFile(keyFile, `${setting}.keyFile`);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingFault(setting, `${certFile} and ${keyFile} are no pair in PEM: ${why}`, error);
  }
  return { cert, key, minVersion: 'TLSv1.2' };
}

/** @throws SettingFault */
export function readTlsFile(file: string, setting: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingFault(setting, `${file} cannot be read: ${why}`, error);
  }
}
