// Why a server could not start, in words for whoever wrote its configuration. What is no such mistake passes unchanged.
import { ConfigError } from '../lib/config-file.ts';
import { KeyFault } from '../relay/signing-key.ts';
import { SettingFault } from '../relay/setting-fault.ts';

/** A setting that names a port; 0 is any free one and never taken. */
type PortSettings = Readonly<Record<string, number>>;

/**
 * The failure as one line about the configuration when the system refused what it asks for; else the failure itself.
 * @param ports of the configuration, by path: `{ 'http.port': 8080 }`
 */
export function startFault(file: string, error: unknown, ports: PortSettings): unknown {
  if (error instanceof SettingFault || error instanceof KeyFault) {
    return new ConfigError(file, [`${error.setting}: ${error.message}`], error);
  }
  if (!(error instanceof Error) || !('code' in error)) return error;
  const { code } = error;
  if ('port' in error && typeof error.port === 'number') {
    const { port } = error;
    const setting = Object.keys(ports).find((path) => ports[path] === port) ?? 'port';
    const why =
      code === 'EADDRINUSE'
        ? `port ${port} is in use; stop the program that has it, or write another port`
        : `port ${port} cannot be had: ${error.message}`;
    return new ConfigError(file, [`${setting}: ${why}`], error);
  }
  // A folder or file that may not be made, read or written; the message names it.
  if ('syscall' in error || code === 'ERR_SQLITE_ERROR') {
    return new ConfigError(file, [error.message], error);
  }
  return error;
}
