// `kios twin`: runs the stand-in for Midtrans until it is told to stop.
import { Command } from 'commander';
import { systemClock } from '../lib/clock.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { createLog, type Log } from '../lib/log.ts';
import { examples, startableTwinConfig, type TwinConfig } from '../twin/config.ts';
import { cryptoRandom, seededRandom } from '../twin/random.ts';
import { createTwin, type Twin } from '../twin/twin.ts';
import { runUntilSignal } from './run-process.ts';
import { startFault } from './start-fault.ts';

const help = `
What it does:
  Answers like Midtrans' Core API (charge, status, cancel, expire, refund, QR images), sends
  notifications like Midtrans, and adds under /_twin/ what Midtrans has not: the customer's
  phone and faults on demand. It binds loopback only, and its QRs cannot be paid with money.

Once it listens it logs one line: {"msg":"twin.ready","httpPort":…}. Then:
  http://127.0.0.1:PORT/_twin/               the customer's phone, as a page
  GET  /_twin/transactions                   the latest charges
  POST /_twin/wallet/pay {"qrString":"…"}    pays; "issuer":"dana" by another wallet, "late":true
                                             although it was cancelled or has expired
  POST /_twin/faults [{"on":"charge","do":{"kind":"drop-after"}}]
                                             the next charge is made and its answer lost; see
                                             also GET and DELETE. on: charge, status, cancel,
                                             expire, refund, notification

A configuration, with what must be there:
  serverKeyFile: /etc/kios/twin/server-key   # the key that the relay sends
  merchant: { id: G000000001, name: KIOS CONTOH, nmid: AID1099000000001,
              pan: '9360000000000000017', city: BANDUNG, postalCode: '40111', mcc: '5812' }
  notificationUrl: http://127.0.0.1:8080/v1/notifications/midtrans   # optional
  http: { port: 8090 }                       # optional; 0 or nothing: a free port

SIGTERM or SIGINT stops it; it then exits with 0.`;

export function twinCommand(): Command {
  return new Command('twin')
    .description('Stands in for Midtrans, with a phone that pays and faults on demand.')
    .requiredOption('-c, --config <file>', 'its configuration (YAML)')
    .addHelpText('after', help)
    .action(async (options: { config: string }) => {
      await runTwin(options.config);
    });
}

/**
 * Runs until a signal asks for the end.
 * @throws ConfigError with every fault of the file, also where its port or state file cannot be had
 */
async function runTwin(file: string): Promise<void> {
  const config = readConfigFile(file, startableTwinConfig, examples);
  const log = createLog('twin');
  const { twin, port } = await startTwin(config, log).catch((error: unknown) => {
    throw startFault(file, error, { 'http.port': config.http.port });
  });
  log.info({ httpPort: port }, 'twin.ready');
  await runUntilSignal({ stop: () => twin.close() });
}

async function startTwin(config: TwinConfig, log: Log): Promise<{ twin: Twin; port: number }> {
  const random = config.seed === undefined ? cryptoRandom : seededRandom(config.seed);
  const twin = createTwin(config, { clock: systemClock, random, log });
  return { twin, ...(await twin.listen()) };
}
