// The HTTP server under the app, plain or TLS, and how long a client may take. A slow client must not hold a connection.
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readTls, type TlsFiles } from './tls.ts';

/** Header and body of a request have this long. */
const requestTimeoutMs = 10_000;
/** How often the server looks for those who are slower. */
const checkMs = 1_000;
/** A connection on which nothing moves; longer than the longest answer takes (a charge, 12 s). */
const idleSocketMs = 30_000;
/** Between two requests. Longer than the 60 s of common proxies, so that it is they who hang up. */
const keepAliveMs = 65_000;
const maxHeaderBytes = 16 * 1024;
const maxConnections = 20_000;

/** For Fastify's `serverFactory`. @throws SettingFault when certificate or key cannot serve. */
export function serverFactory(tls: TlsFiles | undefined): (listener: RequestListener) => Server {
  const secure = tls === undefined ? undefined : readTls(tls, 'http.tls');
  return (listener) => {
    const limits = {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: checkMs,
      keepAliveTimeout: keepAliveMs,
      maxHeaderSize: maxHeaderBytes,
    };
    const server =
      secure === undefined
        ? createServer(limits, listener)
        : createTlsServer({ ...limits, ...secure, handshakeTimeout: requestTimeoutMs }, listener);
    server.setTimeout(idleSocketMs);
    server.maxConnections = maxConnections;
    return server;
  };
}
