// Configuration files: every fault at once, with its line, its reason and an example.
import { expect, test } from 'vitest';
import { ConfigError, parseConfig, readConfigFile } from '../../src/lib/config-file.ts';
import { kioskConfig, kioskExamples } from '../../src/kiosk/config.ts';

function faultsOf(text: string): readonly string[] {
  try {
    parseConfig('kiosk.yaml', text, kioskConfig, kioskExamples);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

test('a good file becomes a configuration with its defaults', () => {
  const config = parseConfig('kiosk.yaml', 'stateDir: /var/lib/kios\n', kioskConfig);
  expect(config).toMatchObject({
    stateDir: '/var/lib/kios',
    language: 'id',
    dispenser: { at: 'none' },
  });
});

test('three mistakes give three messages, each with line, path, reason and example', () => {
  const faults = faultsOf(
    [
      'stateDir: /var/lib/kios',
      'language: fr',
      'display:',
      '  at: fb:/dev/fb0',
      '  rotation: 45',
      'pritner: x',
    ].join('\n'),
  );
  expect(faults).toHaveLength(3);
  expect(faults.join('\n')).toMatch(/line 2: language: .*\(for example language: id\)/);
  expect(faults.join('\n')).toMatch(/line 5: display\.rotation: .*\(for example rotation: 90\)/);
  expect(faults.join('\n')).toMatch(/line 6: pritner: unknown key/);
});

test('a missing value is named with an example', () => {
  expect(faultsOf('language: id\n')).toEqual([
    expect.stringMatching(/stateDir: .*\(for example stateDir: \/var\/lib\/kios\)/),
  ]);
});

test('what is no YAML is told with its line', () => {
  expect(faultsOf('stateDir: [\n')[0]).toMatch(/line \d+: not YAML/);
});

test('a file that is not there says so', () => {
  expect(() => readConfigFile('/nowhere/kiosk.yaml', kioskConfig)).toThrow(/cannot be read/);
});

test('a file larger than any person writes is refused', () => {
  expect(faultsOf(`stateDir: ${'x'.repeat(300_000)}`)[0]).toMatch(/larger than/);
});
