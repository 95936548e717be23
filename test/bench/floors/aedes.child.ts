// aedes alone: the floor of the broker inside the relay. It lets everybody in and checks nothing.
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes } from 'aedes';
import { readyChild } from '../child.ts';

const [port = '0', certFile, keyFile] = process.argv.slice(2);
const aedes = await Aedes.createBroker();
const server: Server =
  certFile === undefined || keyFile === undefined
    ? createServer({ noDelay: true }, aedes.handle)
    : createTlsServer(
        { cert: readFileSync(certFile), key: readFileSync(keyFile), noDelay: true },
        aedes.handle,
      );
server.listen({ host: '127.0.0.1', port: Number(port), backlog: 4096 }, () => {
  readyChild((server.address() as AddressInfo).port);
});
