// The floor for notifications, as a process: node:http, one hash, one row in SQLite with a sync a commit, then the 200.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';

const [path = ''] = process.argv.slice(2);
const database = new DatabaseSync(path);
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
database.exec('CREATE TABLE notices (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT');
const insert = database.prepare('INSERT OR IGNORE INTO notices (id, body) VALUES (?, ?)');

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const server = createServer((request, response) => {
  void bodyOf(request).then((body) => {
    const text = body.toString('utf8');
    JSON.parse(text);
    insert.run(createHash('sha512').update(body).digest('hex'), text);
    response.setHeader('content-type', 'application/json');
    response.end('{"ok":true}');
  });
});
server.listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port);
});
// Whoever started us is gone: so are we.
process.once('disconnect', () => process.exit(0));
