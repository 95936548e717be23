// `kios demo`: the whole house on this machine, with virtual devices and a page. Thin: all of it is in src/bench.
import { Command, InvalidArgumentError, Option } from 'commander';
import { runDemo } from '../bench/demo.ts';
import { DemoRefusal, deviceKinds, type DemoOptions, type DeviceKind } from '../bench/options.ts';
import { systemClock } from '../lib/clock.ts';

type Flags = Partial<Record<DeviceKind, string>> & {
  port: number;
  state?: string;
  check: boolean;
  gopay: boolean;
  qrOn: 'display' | 'paper';
};

const help = `
Starts the twin (which stands in for Midtrans), the relay and a kiosk as processes of their own, and
prints the address of a page with the kiosk's screen, keypad, scanner, paper and goods, and with the
customer's phone. No money can move.

  kios demo                                    open the page, type an amount, pay with the phone
  kios demo --check                            four sales by themselves; exit code 0 if all is well
  kios demo --state ~/kios-demo                go on where the last run ended
  kios demo --scanner serial:/dev/ttyACM0      a real scanner instead of the virtual one
  kios demo --printer tcp:192.168.1.50:9100    a real printer

Ctrl-C stops everything. When a part dies, the others are stopped and its last words are shown.`;

export function demoCommand(): Command {
  return new Command('demo')
    .description('Runs everything on this machine: twin, relay, kiosk and a page to play customer.')
    .option('--port <n>', 'of the page; 0: any free one', parsePort, 0)
    .option('--state <dir>', 'keep everything here between runs')
    .option('--check', 'sell four times without hands, print the times, end', false)
    .option('--gopay', 'charge GoPay as a merchant without QRIS does', false)
    .addOption(
      new Option('--qr-on <where>', 'where the QR is given')
        .choices(['display', 'paper'])
        .default('display'),
    )
    .option('--keypad <at>', 'a real one: hid:/dev/hidraw0 | serial:/dev/ttyACM0 | terminal')
    .option('--scanner <at>', 'a real one: serial:/dev/ttyACM0?baudRate=9600 | hid:/dev/hidraw1')
    .option('--display <at>', 'a real one: fb:/dev/fb0 | terminal')
    .option('--printer <at>', 'a real one: lp:/dev/usb/lp0 | tcp:HOST:9100 | file:/tmp/paper.bin')
    .option('--dispenser <at>', 'a real one: serial:/dev/ttyUSB1 | none')
    .addHelpText('after', help)
    .action(async (flags: Flags, command: Command) => {
      const options = optionsOf(flags);
      if (options.check && Object.keys(options.real).length > 0) {
        command.error('--check uses the virtual devices; leave out the real ones');
      }
      const stopping = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
        process.on(signal, () => {
          stopping.abort();
        });
      }
      const say = (line: string): void => void process.stdout.write(`${line}\n`);
      const { isTTY, columns, rows } = process.stdout;
      try {
        process.exitCode = await runDemo(options, {
          clock: systemClock,
          say,
          stopping: stopping.signal,
          terminal: isTTY ? { columns, rows } : undefined,
        });
      } catch (error) {
        if (!(error instanceof DemoRefusal)) throw error;
        process.stderr.write(`kios: ${error.message}\n`);
        process.exitCode = 1;
      }
    });
}

function optionsOf(flags: Flags): DemoOptions {
  const real: DemoOptions['real'] = {};
  for (const kind of deviceKinds) {
    const at = flags[kind];
    if (at !== undefined) real[kind] = at;
  }
  return {
    port: flags.port,
    check: flags.check,
    paymentType: flags.gopay ? 'gopay' : 'qris',
    qrOn: flags.qrOn,
    real,
    ...(flags.state === undefined ? {} : { stateDir: flags.state }),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InvalidArgumentError('a port is 0 to 65535');
}
