// The files that a configuration names beside the Server Key, tried before anything is opened or made: all that cannot
// serve is told at once. Says where a file is wrong, never what is in it.
import { readCa, readSecret } from './broker/files.ts';
import { type RelayConfig } from './config.ts';
import { SettingFault } from './setting-fault.ts';
import { readTls, readTlsFile, type TlsFiles } from './tls.ts';

/** One for each setting whose file cannot serve here and now. */
export function fileFaults({ http, mqtt, broker, store }: RelayConfig): SettingFault[] {
  const { postgres } = store;
  return [
    ...tlsFaults(http.tls, 'http.tls'),
    ...tlsFaults(mqtt?.tls, 'mqtt.tls'),
    ...faultsOf(readSecret, broker?.passwordFile, 'broker.passwordFile'),
    ...faultsOf(readCa, broker?.caFile, 'broker.caFile'),
    ...faultsOf(readSecret, broker?.hookSecretFile, 'broker.hookSecretFile'),
    ...faultsOf(readSecret, postgres?.passwordFile, 'store.postgres.passwordFile'),
    ...faultsOf(readCa, postgres?.caFile, 'store.postgres.caFile'),
  ];
}

function tlsFaults(files: TlsFiles | undefined, setting: string): SettingFault[] {
  const faults = [
    ...faultsOf(readTlsFile, files?.certFile, `${setting}.certFile`),
    ...faultsOf(readTlsFile, files?.keyFile, `${setting}.keyFile`),
  ];
  return faults.length > 0 ? faults : faultsOf(readTls, files, setting);
}

function faultsOf<T>(
  read: (named: T, setting: string) => unknown,
  named: T | undefined,
  setting: string,
): SettingFault[] {
  if (named === undefined) return [];
  try {
    read(named, setting);
    return [];
  } catch (error) {
    if (error instanceof SettingFault) return [error];
    throw error;
  }
}
