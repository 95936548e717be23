// What the demo hears from its parts, and the page's scripts without their types.
import { expect, test, vi } from 'vitest';
import { pageFiles } from '../../src/bench/page-files.ts';
import { eventName } from '../../src/bench/part.ts';
import { stripTypes } from '../../src/bench/strip.ts';

test.each([
  ['{"level":"info","part":"relay","msg":"relay.ready","httpPort":1}', 'relay.ready'],
  ['{"code":"AAAA-BBBB"}', undefined],
  ['{"msg":7}', undefined],
  ['{"msg":"relay.rea', undefined],
  ['Error: listen EADDRINUSE', undefined],
  ['null', undefined],
])('%s is the event %s', (line, event) => {
  expect(eventName(line)).toBe(event);
});

test('types are erased without a word on stderr', () => {
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
  try {
    expect(stripTypes('const a: number = 1;')).toMatch(/^const a\s+= 1;$/);
    expect(warned).not.toHaveBeenCalled();
  } finally {
    warned.mockRestore();
  }
});

test('the page is complete: every script that a script imports is served', () => {
  const files = pageFiles();
  const scripts = [...files].filter(([, { type }]) => type.startsWith('text/javascript'));
  const imported = scripts.flatMap(([path, { body }]) =>
    [...String(body).matchAll(/^(?:import|export)[^'";]* from ['"]([^'"]+)['"]/gm)].map(
      ([, specifier = '']) => new URL(specifier, `http://bench${path}`).pathname,
    ),
  );
  expect(imported).toContain('/qr/decode.js');
  expect(imported.filter((path) => !files.has(path))).toEqual([]);
});

test('the page asks nothing of another machine', () => {
  for (const path of ['/', '/page/page.css']) {
    expect(String(pageFiles().get(path)?.body)).not.toMatch(/https?:\/\//);
  }
});
