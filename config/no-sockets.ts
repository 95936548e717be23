// Set-up of the unit tests: they need no socket, and one that opens one fails with these words.
import { Server, Socket } from 'node:net';

function refuse(): never {
  throw new Error(
    'a unit test opens no socket; list its file under seams in config/vitest.config.ts',
  );
}

Socket.prototype.connect = refuse;
Server.prototype.listen = refuse;
