// A line of ours as an adapter of the npm package `escpos`, for those who print by it already. It proves nothing: what
// the package sends has left for the printer, and whether it became paper only our own printer asks.
import type { BytePort, OpenLine } from '../ports.ts';

/** Called with a DeviceError, as `OpenLine` and `BytePort` have them, or with nothing. */
type Done = (error?: unknown) => void;

/** What `new escpos.Printer(adapter)` calls. */
export interface EscposAdapter {
  open: (done?: Done) => EscposAdapter;
  /** The package writes text as strings of one byte a character. */
  write: (bytes: Uint8Array | string, done?: Done) => EscposAdapter;
  /** Everything that comes from the printer goes to the last one that asked. */
  read: (take: (bytes: Buffer) => void) => void;
  close: (done?: Done) => EscposAdapter;
}

/** @param open of `printerLine`: serial, TCP, `/dev/usb/lp*` or USB */
export function escposAdapter(open: OpenLine): EscposAdapter {
  const over = new AbortController();
  let take: (bytes: Buffer) => void = () => undefined;
  let port: Promise<BytePort> | undefined;
  const opened = async (): Promise<BytePort> =>
    (port ??= open((bytes) => {
      take(Buffer.from(bytes));
    }, over.signal));
  const then = (work: Promise<unknown>, done: Done = () => undefined): EscposAdapter => {
    work.then(
      () => {
        done();
      },
      (error: unknown) => {
        done(error);
      },
    );
    return adapter;
  };
  const adapter: EscposAdapter = {
    open: (done) => then(opened(), done),
    write: (bytes, done) => {
      const whole = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
      return then(
        opened().then(async (line) => line.write(whole)),
        done,
      );
    },
    read: (next) => {
      take = next;
    },
    close: (done) =>
      then(
        opened().then(async (line) => line.close()),
        done,
      ),
  };
  return adapter;
}
