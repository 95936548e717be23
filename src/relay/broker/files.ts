// What the relay reads from files to speak with a broker outside: its password, the CA, the hooks' secret. Says where a
// file is missing or empty, never what is in it.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SettingFault } from '../setting-fault.ts';

const maxSecretLength = 256;

/** One line of plain text. @param setting where the configuration names the file. @throws SettingFault */
export function readSecret(file: string, setting: string): string {
  const secret = read(file, setting).toString('utf8').trim();
  if (secret.length === 0 || secret.length > maxSecretLength || /[^\x21-\x7e]/.test(secret)) {
    throw new SettingFault(setting, `${file} does not hold one line of plain text`, undefined);
  }
  return secret;
}

/** Certificates in PEM. @param setting where the configuration names the file. @throws SettingFault */
export function readCa(file: string, setting: string): Buffer {
  const ca = read(file, setting);
  try {
    new X509Certificate(ca);
  } catch (error) {
    throw new SettingFault(setting, `${file} is no certificate in PEM`, error);
  }
  return ca;
}

function read(file: string, setting: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingFault(setting, `${file} cannot be read: ${why}`, error);
  }
}
