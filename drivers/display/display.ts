// Makes a display from its address in the configuration.
import type { Clock } from '../../src/lib/clock.ts';
import { DeviceError, type Display } from '../device.ts';
import { parsePortAddress } from '../ports.ts';
import { createFramebuffer } from './framebuffer.ts';
import { createPageDisplay } from './page.ts';
import { createTerminalDisplay, type TerminalOptions } from './terminal.ts';
import type { Rotation } from './turn.ts';

export interface DisplayOptions {
  /** `fb:/dev/fb0` · `page:unix:/PATH` · `page:tcp:HOST:PORT` · `terminal`. */
  at: string;
  clock: Clock;
  /** Framebuffer: how far the picture is turned clockwise. 0 if not given. */
  rotation?: Rotation;
  /** Framebuffer: width of the lit area as it is looked at, in millimetres, measured with a ruler. */
  panelWidthMm?: number;
  /** Framebuffer: the kernel's folder of framebuffers; for tests. */
  sysfsRoot?: string;
  /** Terminal: where to draw; the process's own output if not given. For tests. */
  terminal?: Pick<TerminalOptions, 'output' | 'openLine'>;
}

/** One connection, not yet open. @throws DeviceError `not-found` when the address is none */
export function createDisplay(options: DisplayOptions): Display {
  const { at, clock } = options;
  const [, kind, where = ''] = /^(fb|page|terminal)(?::(.*))?$/.exec(at) ?? [];
  if (kind === 'fb' && where.startsWith('/')) {
    return createFramebuffer({
      path: where,
      rotation: options.rotation ?? 0,
      sysfsRoot: options.sysfsRoot ?? '/sys/class/graphics',
      clock,
      ...(options.panelWidthMm === undefined ? {} : { panelWidthMm: options.panelWidthMm }),
    });
  }
  if (kind === 'page' && /^(unix|tcp):/.test(where)) {
    return createPageDisplay({ address: parsePortAddress(where), at, clock });
  }
  if (kind === 'terminal' && where === '') {
    return createTerminalDisplay({ output: process.stdout, ...options.terminal, clock });
  }
  throw new DeviceError(
    'not-found',
    `"${at}" is no display; write fb:/dev/fb0, page:unix:/PATH, page:tcp:HOST:PORT or terminal`,
  );
}
