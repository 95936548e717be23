// The files that the bench's page is made of: these and no others are served.
import { readFileSync } from 'node:fs';
import { stripTypes } from './strip.ts';

export interface ServedFile {
  type: string;
  body: string | Buffer;
}

const fromHere = (path: string): URL => new URL(path, import.meta.url);

const scripts: Readonly<Record<string, URL>> = {
  '/page/main.ts': fromHere('./page/main.ts'),
  '/page/bench.ts': fromHere('./page/bench.ts'),
  '/page/camera.ts': fromHere('./page/camera.ts'),
  '/page/controls.ts': fromHere('./page/controls.ts'),
  '/page/dom.ts': fromHere('./page/dom.ts'),
  '/page/paper.ts': fromHere('./page/paper.ts'),
  '/page/phone.ts': fromHere('./page/phone.ts'),
  '/page/pixels.ts': fromHere('./page/pixels.ts'),
  '/page/screen.ts': fromHere('./page/screen.ts'),
};

/** Every file by its path, ready to be sent. Read once: the page of a running demo does not change. */
export function pageFiles(): ReadonlyMap<string, ServedFile> {
  const html = {
    type: 'text/html; charset=utf-8',
    body: readFileSync(fromHere('./page/page.html')),
  };
  const files = new Map<string, ServedFile>([
    ['/', html],
    ['/fonts/regular.ttf', font('DejaVuSans.ttf')],
    ['/fonts/bold.ttf', font('DejaVuSans-Bold.ttf')],
  ]);
  for (const name of ['page.css', 'kiosk.css', 'phone.css']) {
    const body = readFileSync(fromHere(`./page/${name}`));
    files.set(`/page/${name}`, { type: 'text/css; charset=utf-8', body });
  }
  const type = 'text/javascript; charset=utf-8';
  for (const [path, url] of Object.entries(scripts)) {
    files.set(path, { type, body: stripTypes(readFileSync(url, 'utf8')) });
  }
  // decode.js imports index.js, which the package hides from import.meta.resolve.
  for (const name of ['decode.js', 'index.js']) {
    const url = new URL(name, import.meta.resolve('qr/decode.js'));
    files.set(`/qr/${name}`, { type, body: readFileSync(url) });
  }
  return files;
}

function font(name: string): ServedFile {
  const url = fromHere(`../../drivers/display/font/${name}`);
  return { type: 'font/ttf', body: readFileSync(url) };
}
