// The floor of a kiosk's hand-over: what comes in on a line is appended to a file, synced, and an order goes out on another
// line. Nothing is parsed, proved, hashed or shown.
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { readyChild } from '../child.ts';

const [boardPort = '', file = ''] = process.argv.slice(2);
const log = openSync(file, 'a');
const board = connect(Number(boardPort), '127.0.0.1').setNoDelay();
let order = 0;

const server = createServer((socket) => {
  socket.on('data', (bytes) => {
    writeSync(log, bytes);
    fdatasyncSync(log);
    board.write(`V floor-${++order} 1\n`);
  });
});
server.listen(0, '127.0.0.1', () => {
  readyChild((server.address() as AddressInfo).port);
});
