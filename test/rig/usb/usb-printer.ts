// A USB receipt printer: the printer class of USB around the paper emulator, which is the printer's own head.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { printerProfiles } from '../../../drivers/printer/profiles.ts';
import {
  createPrinterSimulator,
  type PrinterSimulator,
  type Sheet,
} from '../../../drivers/printer/simulator.ts';
import { UsbDevice, type Setup } from './usb-device.ts';

const [toPrinter, fromPrinter] = [0x01, 0x82];
const [printerClass, printerSubclass, bidirectional] = [7, 1, 2];
const [getDeviceId, getPortStatus, softReset] = [0, 1, 2];
const deviceId = 'MFG:KIOS;CMD:ESC/POS;MDL:RIG58;CLS:PRINTER;';
/** USB printer class 1.1 §4.2.2: selected, no error. Few printers tell more here, and kios asks by DLE EOT. */
const portStatus = Uint8Array.of(0x18);

export class UsbPrinter {
  readonly device: UsbDevice;
  readonly #head: PrinterSimulator;
  readonly #at: string;
  readonly sheets: Sheet[];
  #line: Socket | undefined;

  private constructor(head: PrinterSimulator, at: string, sheets: Sheet[]) {
    this.#head = head;
    this.#at = at;
    this.sheets = sheets;
    this.device = new UsbDevice(
      {
        ...{ vendor: 0x0416, product: 0x5011, name: 'USB Printing Support' },
        interfaces: [
          {
            class: [printerClass, printerSubclass, bidirectional],
            endpoints: [
              { address: toPrinter, kind: 'bulk', maxPacketBytes: 64, interval: 0 },
              { address: fromPrinter, kind: 'bulk', maxPacketBytes: 64, interval: 0 },
            ],
          },
        ],
      },
      {
        onControl,
        onOut: (bytes) => this.#line?.write(bytes),
        onUnplugged: () => this.#line?.destroy(),
      },
    );
  }

  /** @param path where its head listens; a free one */
  static async create(path: string): Promise<UsbPrinter> {
    const sheets: Sheet[] = [];
    const head = await createPrinterSimulator({
      listen: { path },
      profile: printerProfiles['generic-58'],
      onPaper: (sheet) => void sheets.push(sheet),
    });
    return new UsbPrinter(head, path, sheets);
  }

  /** Its paper, cover and cutter; what USB itself refuses is `device.nak()`. */
  set(state: Parameters<PrinterSimulator['set']>[0]): void {
    this.#head.set(state);
  }

  /** Bytes that have reached it, status requests among them. */
  bytesReceived(): number {
    return this.#head.bytesReceived();
  }

  async plug(port: string): Promise<void> {
    const line = connect(this.#at);
    line.on('error', () => undefined);
    line.on('data', (bytes) => {
      this.device.bulk(fromPrinter, bytes);
    });
    await once(line, 'connect');
    this.#line = line;
    await this.device.plug(port);
  }

  async unplug(): Promise<void> {
    await this.device.unplug();
  }

  async end(): Promise<void> {
    await this.unplug();
    await this.#head.close();
  }
}

/** The device ID is preceded by its length, high byte first. */
function onControl({ type, request }: Setup): Uint8Array | undefined {
  if (type === 0xa1 && request === getDeviceId) {
    return Buffer.concat([Buffer.from([0, deviceId.length + 2]), Buffer.from(deviceId)]);
  }
  if (type === 0xa1 && request === getPortStatus) return portStatus;
  return request === softReset ? new Uint8Array() : undefined;
}
