// A USB HID device with whatever reports: its descriptor, one interrupt endpoint towards the guest, and the control requests
// of the class. What the reports mean is for those who make one.
import { UsbDevice, type Setup } from './usb-device.ts';

const reports = 0x81;
const hidClass = 3;
const [hidDescriptorType, reportDescriptorType, getDescriptor] = [0x21, 0x22, 6];
/** USB HID 1.11 §7.2. */
const [getReport, setReport] = [1, 9];
const interval = 4;

export interface HidShape {
  vendor: number;
  product: number;
  name: string;
  /** Also in the boot protocol; others have none. */
  isBootKeyboard: boolean;
  descriptor: Uint8Array;
  /** Of its longest report, its id in it. */
  reportBytes: number;
}

/** What the guest asks and tells beside the reports that are sent to it. */
export interface HidAnswers {
  /** SET_REPORT; `bytes` begin with the id where there are ids. */
  onSet?: (id: number, bytes: Buffer) => void;
  /** GET_REPORT; undefined stalls. */
  onGet?: (id: number) => Uint8Array | undefined;
}

export class UsbHid {
  readonly device: UsbDevice;

  /** Without a serial, as cheap ones are. */
  constructor(shape: HidShape, answers: HidAnswers = {}) {
    const { vendor, product, name, isBootKeyboard, descriptor, reportBytes } = shape;
    // USB HID 1.11 §6.2.1: version 1.11, one descriptor, of the report.
    const hidDescriptor = Uint8Array.from([
      ...[9, hidDescriptorType, 0x11, 0x01, 0, 1],
      ...[reportDescriptorType, descriptor.length & 0xff, descriptor.length >> 8],
    ]);
    this.device = new UsbDevice(
      {
        ...{ vendor, product, name },
        interfaces: [
          {
            class: isBootKeyboard ? [hidClass, 1, 1] : [hidClass, 0, 0],
            extra: hidDescriptor,
            endpoints: [
              { address: reports, kind: 'interrupt', maxPacketBytes: reportBytes, interval },
            ],
          },
        ],
      },
      {
        onControl: ({ type, request, value }: Setup, bytes) => {
          const [kind, id] = [value >> 8, value & 0xff];
          if (type === 0x81 && request === getDescriptor) {
            return kind === reportDescriptorType ? descriptor : hidDescriptor;
          }
          if (type === 0xa1 && request === getReport) return answers.onGet?.(id);
          if (type !== 0x21) return undefined;
          // SET_IDLE and SET_PROTOCOL are taken and change nothing.
          if (request === setReport) answers.onSet?.(id, bytes);
          return new Uint8Array();
        },
      },
    );
  }

  /** What nobody listens to is lost, as on a real one. */
  send(report: Uint8Array): void {
    this.device.interrupt(reports, report);
  }
}
