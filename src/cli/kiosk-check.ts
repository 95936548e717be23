// What `kios kiosk --check` does once the program is loaded and its configuration read: it loads the native parts that this
// configuration asks for, as the drivers will, and opens no device.
import type { KioskConfig } from '../kiosk/config.ts';

/** @throws what a native part throws that is missing, or was not made for this machine */
export async function loadNativeParts(config: KioskConfig): Promise<void> {
  const { keypad, scanner, display, printer, dispenser } = config;
  const kinds = [keypad, scanner, display, printer, dispenser].map(
    (device) => device?.at.split(':', 1)[0] ?? '',
  );
  if (kinds.includes('hid') || kinds.includes('hidrelay')) {
    const { getHidapiVersion } = await import('node-hid');
    // The package loads its native part at the first call of any.
    getHidapiVersion();
  }
  if (kinds.includes('serial')) await import('../../drivers/serial-line.ts');
  if (kinds.includes('usb')) await import('usb');
}
