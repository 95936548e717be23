// The command lines and the output of libgpiod's tools, of both generations: 1.x and 2.x differ in nearly every option. PURE.
import type { PulseTrain } from './pulse-train.ts';

export type ToolVersion = 1 | 2;

/** A line of a chip, which is found by its label: Pi 5 moved from gpiochip4 to gpiochip0. */
export interface GpioPlace {
  label: string;
  offset: number;
}

export type Edge = 'rising' | 'falling';

/** `gpioset (libgpiod) v1.6.3`; undefined for another generation. */
export function parseToolVersion(text: string): ToolVersion | undefined {
  const major = /\(libgpiod\) v(\d+)\./.exec(text)?.[1];
  if (major === '1') return 1;
  return major === '2' ? 2 : undefined;
}

/** Names of the chips with this label, out of `gpiodetect`: `gpiochip0 [pinctrl-bcm2711] (58 lines)`. */
export function chipsOf(detected: string, label: string): string[] {
  const chips = detected.matchAll(/^(gpiochip\d+) \[(.+)\] \(\d+ lines?\)$/gm);
  return [...chips].flatMap(([, name, found]) =>
    name !== undefined && found === label ? [name] : [],
  );
}

/** The line and how it is driven. */
export interface DrivenLine {
  chip: string;
  offset: number;
  activeLow: boolean;
}

/** The call of gpioset that switches a line off, and ends. */
export function gpioOffArgs(
  version: ToolVersion,
  { chip, offset, activeLow }: DrivenLine,
): string[] {
  const low = activeLow ? ['--active-low'] : [];
  return version === 2
    ? ['-c', chip, ...low, '-t', '0', `${offset}=0`]
    : ['--mode=exit', ...low, chip, `${offset}=0`];
}

/**
 * The calls of gpioset that make a train, in order, each with the gap after it that is left to the caller.
 * 2.x toggles through the whole train by itself and leaves the line off; 1.x makes one pulse a process and leaves it on:
 * whether it then goes off is the chip's affair, so it is switched off.
 */
export function gpiosetCalls(
  version: ToolVersion,
  line: DrivenLine,
  { pulses, pulseMs, gapMs }: PulseTrain,
): { args: string[]; gapMs: number }[] {
  const { chip, offset, activeLow } = line;
  const low = activeLow ? ['--active-low'] : [];
  if (version === 2) {
    const periods = Array.from({ length: pulses }, () => `${pulseMs}ms`).join(`,${gapMs}ms,`);
    // A period of 0 at the end: it exits.
    return [{ args: ['-c', chip, ...low, '-t', `${periods},0`, `${offset}=1`], gapMs }];
  }
  const [seconds, micros] = [Math.floor(pulseMs / 1000), (pulseMs % 1000) * 1000];
  const args = [
    ...['--mode=time', `--sec=${seconds}`, `--usec=${micros}`],
    ...[...low, chip, `${offset}=1`],
  ];
  const pulse = [
    { args, gapMs: 0 },
    { args: gpioOffArgs(version, line), gapMs },
  ];
  return Array.from({ length: pulses }, () => pulse).flat();
}

/** gpiomon for one kind of edge, a line of text each: its time. */
export function gpiomonArgs(
  version: ToolVersion,
  { chip, offset, edge }: { chip: string; offset: number; edge: Edge },
): string[] {
  return version === 2
    ? ['--banner', '-c', chip, '-e', edge, '-F', '%S', String(offset)]
    : [`--${edge}-edge`, '--format=%s %n', chip, String(offset)];
}

/** The kernel's time of an edge in milliseconds; undefined for any other line, such as the banner of 2.x. */
export function parseEdgeMs(line: string): number | undefined {
  const match = /^\s*(\d{1,12})(?:\.(\d{9})| (\d{1,9}))\s*$/.exec(line);
  if (match === null) return undefined;
  return Number(match[1]) * 1000 + Number(match[2] ?? match[3]) / 1e6;
}

/** 2.x says so once it listens; 1.x says nothing. */
export function isBanner(line: string): boolean {
  return line.startsWith('Monitoring line');
}

/**
 * The switch of the Pi's kernels that decides what becomes of a released output: `N` makes it an input again
 * (`dtparam=strict_gpiod`). Undefined for chips of other machines: most have no such switch and keep the level (seen with
 * hid-cp2112 on kernel 6.1).
 */
export function persistSwitch(label: string): string | undefined {
  if (label.startsWith('pinctrl-bcm')) return 'pinctrl_bcm2835';
  return label === 'pinctrl-rp1' ? 'pinctrl_rp1' : undefined;
}
