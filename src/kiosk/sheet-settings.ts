// The settings that a technician gave by a sheet: kept beside the identity, and over those of the configuration file. An
// older sheet never takes the place of a newer one.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { sheetSettings, type SettingsSheet } from '../protocol/sheet.ts';
import type { KioskConfig } from './config.ts';
import { journalFault } from './journal-fault.ts';

const kept = z.object({ issuedS: z.number(), settings: sheetSettings });

const pathIn = (stateDir: string): string => join(stateDir, 'set-up.json');

/** The configuration with what sheets have set. A file that cannot be used changes nothing. */
export function withSheetSettings(config: KioskConfig): KioskConfig {
  const { settings = {} } = readKept(config.stateDir) ?? {};
  const { language, timeZone, panelWidthMm, rotation } = settings;
  const { display } = config;
  return {
    ...config,
    ...(language === undefined ? {} : { language }),
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(display === undefined
      ? {}
      : {
          display: {
            ...display,
            ...(panelWidthMm === undefined ? {} : { panelWidthMm }),
            ...(rotation === undefined ? {} : { rotation }),
          },
        }),
  };
}

/**
 * Keeps what a sheet sets. Settings of sheets before it that it does not name stay.
 * @returns false when this sheet, or a newer one, was taken before
 * @throws KiosError as the journal does, when it cannot be written
 */
export function keepSettings(stateDir: string, { issuedS, settings }: SettingsSheet): boolean {
  const before = readKept(stateDir);
  if (before !== undefined && issuedS <= before.issuedS) return false;
  const path = pathIn(stateDir);
  const next: z.infer<typeof kept> = { issuedS, settings: { ...before?.settings, ...settings } };
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify(next)}\n`, { mode: 0o600, flush: true });
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw journalFault(error, path, 'be written');
  }
  return true;
}

function readKept(stateDir: string): z.infer<typeof kept> | undefined {
  const path = pathIn(stateDir);
  try {
    if (!existsSync(path)) return undefined;
    return kept.safeParse(JSON.parse(readFileSync(path, 'utf8'))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
