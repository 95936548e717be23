// The example configurations in config/: each process has one, and its own schema takes it.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { ConfigError, parseConfig } from '../../src/lib/config-file.ts';
import { root, type Fault } from './source.ts';

/** The processes that have a configuration: src/<name>/config.ts exports the schema `<name>Config`. */
export function configuredProcesses(): string[] {
  return readdirSync(join(root, 'src')).filter((name) =>
    existsSync(join(root, 'src', name, 'config.ts')),
  );
}

/** The processes that config/ has an example for. */
export function exampleNames(): string[] {
  return readdirSync(join(root, 'config')).flatMap(
    (file) => /^([a-z]+)\.example\.yaml$/.exec(file)?.[1] ?? [],
  );
}

/** What the schema of a process has to say about an example. */
export async function exampleFaults(name: string, text: string): Promise<readonly Fault[]> {
  const path = join(root, 'src', name, 'config.ts');
  if (!existsSync(path)) return [`config/${name}.example.yaml: there is no src/${name}/config.ts`];
  const module = (await import(path)) as Record<string, unknown>;
  const schema = module[`${name}Config`];
  if (!isSchema(schema)) return [`src/${name}/config.ts: exports no schema ${name}Config`];
  try {
    parseConfig(`config/${name}.example.yaml`, text, schema);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

function isSchema(value: unknown): value is z.ZodType {
  return typeof value === 'object' && value !== null && 'safeParse' in value;
}
