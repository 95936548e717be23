// The socket under the MQTT client: TCP or TLS. What the client's own package loads for WebSockets and proxies, a kiosk never
// uses. A broker whose certificate does not hold is never spoken to.
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const ports = { 'mqtt:': 1883, 'mqtts:': 8883 } as const;

/**
 * Starts to connect; the client waits for what comes of it. `failed` hears why there is no line.
 * @param url `mqtt://HOST:PORT` or `mqtts://HOST:PORT`, as the relay gave it at enrolment
 * @throws Error for another kind of address
 */
export function openBrokerLine(url: string, failed: (error: Error) => void): Socket {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'mqtt:' && protocol !== 'mqtts:') {
    throw new Error(`no broker is spoken to by ${protocol}`);
  }
  // An IPv6 address stands in brackets in an address, and without them everywhere else.
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const to = { host, port: port === '' ? ports[protocol] : Number(port) };
  const named = isIP(host) === 0 ? { servername: host } : {};
  const socket = protocol === 'mqtts:' ? connectTls({ ...to, ...named }) : connect(to);
  // Small packets both ways: with Nagle's algorithm one waits for the other's delayed acknowledgement, 40 ms.
  socket.setNoDelay();
  socket.on('error', failed);
  return socket;
}
