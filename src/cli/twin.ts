// `kios twin`: runs the stand-in for Midtrans until it is told to stop.
import { Command } from 'commander';
import { systemClock } from '../lib/clock.ts';
import { readConfigFile } from '../lib/config-file.ts';
import { createLog, type Log } from '../lib/log.ts';
import { examples, startableTwinConfig, type TwinConfig } from '../twin/config.ts';
import { faultPlan, type FaultPlan } from '../twin/fault-schema.ts';
import { cryptoRandom, seededRandom } from '../twin/random.ts';
import { createTwin, type Twin } from '../twin/twin.ts';
import { VirtualClock } from '../twin/virtual-clock.ts';
import { runUntilSignal } from './run-process.ts';
import { startFault } from './start-fault.ts';

const help = `
What it does:
  Answers like Midtrans' Core API (charge, status, cancel, expire, refund, QR images), sends
  notifications like Midtrans, and adds under /_twin/ what Midtrans has not: the customer's
  phone and faults on demand. It binds loopback only, and its QRs cannot be paid with money.

Once it listens it logs one line: {"msg":"twin.ready","httpPort":…}. Then, each a JSON body:
  GET    /_twin/                       the customer's phone, as a page
  GET    /_twin/transactions           the latest charges
  POST   /_twin/wallet/scan            {qrString}: whom it pays and how much
  POST   /_twin/wallet/pay             {qrString, issuer: "dana", late: true, amountIdr}: pays; by
                                       another wallet, although it was cancelled or has expired,
                                       another amount than it asks
  POST   /_twin/wallet/decline         {qrString}: fails inside the app; Midtrans never hears of it
  POST   /_twin/faults                 [{on, do: {kind}, orderId, orderPrefix, times, after, rate, seed}]
  GET, DELETE /_twin/faults            what still waits; forgets it
  POST   /_twin/scripts                [{orderId, orderPrefix, steps: [a fault or an act]}]: each step
                                       waits for the one before it, all for the same order
  GET, DELETE /_twin/scripts           those that still play; forgets them
  GET    /_twin/notifications?orderId= what was sent, with the merchant's answers
  POST   /_twin/notifications/release  {orderId}: sends what "hold" holds back
  POST   /_twin/notifications/replay   {orderId, transactionStatus, alter: {…}, sign: keep|valid, url}:
                                       sends an earlier one again, as it was or altered
  GET, POST /_twin/switches            {qris, gopay, refunds, key: true|false, balanceIdr}
  GET    /_twin/clock, POST /_twin/clock/advance {ms}   where the configuration has virtualClock

Faults. on: charge, status, cancel, expire, refund, any (each of these), image, notification.
  calls:   http {status, body, html, retryAfterS, location} · body {statusCode, channelCode, message,
           http, bare} · drop-before · drop-after · slow {delayMs, when: before|after} · truncate ·
           garble {as: cut|empty|html|text} · pay {when: before|after, issuer}: the race
  charge:  qr {change: crc|amount|merchant} · gopay {code: "900", as500} · legacy {forms: [no-qr-string,
           no-framed-image, no-expiry-time, expire-time, old-gopay, upper-case, relabelled]}
  status:  stale (still pending)
  notification (transactionStatus: settlement):
           duplicate {times} · hold · behind (the next one overtakes it) · slow {delayMs} · drop-before · tamper
           {change: signature|key|amount|order|status|transaction|number|merchant, status}
  times 1 if not said, without end with a rate; after 1: the second; rate 0.05, seed 7: one in twenty.
Acts of scripts: {act: pay, issuer, late, amountIdr, afterMs} · {act: cancel|expire|release, afterMs}
--faults takes a file with faults: […] and scripts: […] (YAML or JSON) that wait from the start:
  scripts:
    - steps:
        - { on: charge, after: 1, do: { kind: drop-after } } # the second
        - { on: status, times: 2, do: { kind: body, statusCode: '404' } }
        - { act: pay }

A configuration, with what must be there:
  serverKeyFile: /etc/kios/twin/server-key   # the key that the relay sends
  merchant: { id: G000000001, name: KIOS CONTOH, nmid: AID1099000000001,
              pan: '9360000000000000017', city: BANDUNG, postalCode: '40111', mcc: '5812' }
  notificationUrl: http://127.0.0.1:8080/v1/notifications/midtrans   # optional
  http: { port: 8090 }                       # optional; 0: a free port

SIGTERM or SIGINT stops it; it then exits with 0.`;

export function twinCommand(): Command {
  return new Command('twin')
    .description('Stands in for Midtrans, with a phone that pays and faults on demand.')
    .requiredOption('-c, --config <file>', 'its configuration (YAML)')
    .option('-f, --faults <file>', 'faults and scripts that wait from the start (YAML or JSON)')
    .addHelpText('after', help)
    .action(async (options: { config: string; faults?: string }) => {
      await runTwin(options.config, options.faults);
    });
}

/**
 * Runs until a signal asks for the end.
 * @throws ConfigError with every fault of a file, also where its port or state file cannot be had
 */
async function runTwin(file: string, faultsFile: string | undefined): Promise<void> {
  const config = readConfigFile(file, startableTwinConfig, examples);
  const plan = faultsFile === undefined ? {} : { plan: readConfigFile(faultsFile, faultPlan) };
  const log = createLog('twin');
  await runUntilSignal(async () => {
    const { twin, port } = await startTwin(config, plan, log).catch((error: unknown) => {
      throw startFault(file, error, { 'http.port': config.http.port });
    });
    log.info({ httpPort: port }, 'twin.ready');
    return { stop: () => twin.close() };
  });
}

async function startTwin(
  config: TwinConfig,
  plan: { plan?: FaultPlan },
  log: Log,
): Promise<{ twin: Twin; port: number }> {
  const random = config.seed === undefined ? cryptoRandom : seededRandom(config.seed);
  const { virtualClock } = config;
  const clock =
    virtualClock === undefined ? systemClock : new VirtualClock(Date.parse(virtualClock.startAt));
  const twin = createTwin(config, { clock, random, log, ...plan });
  return { twin, ...(await twin.listen()) };
}
