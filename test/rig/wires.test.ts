// Dispensers' wires at a kernel of Debian: trains of its LED trigger, seen outside at a USB keyboard's LED and inside in the
// kernel's own trace; and a GPIO chip by libgpiod's tools. No kiosk runs here.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { until } from './house.ts';
import { buildLimitMs, inGuests, isFull, stepLimitMs } from './releases.ts';
import { UsbGpio } from './usb/usb-gpio.ts';
import { UsbKeypad } from './usb/usb-keypad.ts';
import { Workbench, type BenchProgram } from './workbench.ts';

/** Our own rule for a dispenser's LED, for the one LED that a guest can have. */
const ledRule = `sed -n '/SUBSYSTEM=="leds"/s/"kios-\\*"/"input*::scrolllock"/p'`;
/** A timer of the kernel may be a tick early, and ticks are 4 ms (CONFIG_HZ=250). */
const tickMs = 4;
const trace = '/sys/kernel/tracing';
const [pulseMs, gapMs] = [60, 90];
/** Pieces of a train in whose middle there is time for a kill. */
const long = 24;

inGuests('a wire that is pulsed', (image) => {
  let bench: Workbench;
  const keyboard = new UsbKeypad('Keyboard with LEDs');

  beforeAll(async () => {
    bench = await Workbench.open(await image());
    await bench.guest.sh(`
      ${ledRule} /etc/udev/rules.d/99-kios.rules >/etc/udev/rules.d/99-rig.rules
      udevadm control --reload`);
    await keyboard.device.plug(bench.guest.usbSocket(1));
  }, buildLimitMs);
  afterAll(async () => {
    // Undefined where it never opened.
    await (bench as Workbench | undefined)?.close();
  });

  describe('by the kernel’s LED trigger', () => {
    let folder: string;
    let program: BenchProgram;

    beforeAll(async () => {
      await until('the LED', async () => {
        const led = await bench.guest.run(
          `find /sys/class/leds/*::scrolllock/ -name pattern -group kios`,
        );
        folder = led.out.replace(/\/pattern\s*$/, '');
        return led.out !== '';
      });
      // An inhibited keyboard has no LEDs either. A probe on what the trigger calls is the kernel's own witness.
      await bench.guest.sh(`
        echo 0 >${folder}/device/inhibited
        echo mono >${trace}/trace_clock
        echo 'p:kios_led input_leds_brightness_set level=%si:s32' >${trace}/kprobe_events
        echo 1 >${trace}/events/kprobes/kios_led/enable`);
      program = await bench.start();
    }, stepLimitMs);

    const at = (): string => `led:${folder}?pulseMs=${pulseMs}&gapMs=${gapMs}`;
    const dispensed = async (on: BenchProgram, id: string): Promise<string | undefined> =>
      (await on.heard(`the end of ${id}`, (word) => word.id === id && 'dispensed' in word))
        .dispensed;
    /** Waits until the train has begun, as it is seen outside. */
    const pulsesAbove = async (count: number): Promise<void> =>
      until(`pulse ${count + 1}`, async () => Promise.resolve(keyboard.pulses > count));

    /** Changes of the LED since the last `clear`, in milliseconds of the guest's clock. */
    const traced = async (): Promise<{ isOn: boolean; atMs: number }[]> => {
      const text = await bench.guest.sh(`grep kios_led: ${trace}/trace || true`);
      const calls = [...text.matchAll(/ ([\d.]+): kios_led: .* level=(\d+)/g)].map(
        ([, seconds, level]) => ({ isOn: level !== '0', atMs: Number(seconds) * 1000 }),
      );
      return calls.filter(({ isOn }, index) => isOn !== (calls[index - 1]?.isOn ?? false));
    };
    const clear = async (): Promise<unknown> => bench.guest.sh(`echo >${trace}/trace`);

    test(
      'has the number of pulses that was ordered, none shorter, gaps of their own length, and ends off',
      async () => {
        const before = keyboard.pulses;
        await program.open('dispenser', at());
        await clear();
        await program.say({ dispense: 'k-1', at: at(), pieces: 6 });
        expect(await dispensed(program, 'k-1')).toBe('done');
        const edges = await traced();
        expect(edges.map(({ isOn }) => isOn)).toEqual(
          Array.from({ length: 12 }, (_, index) => index % 2 === 0),
        );
        expect(keyboard.pulses - before).toBe(6);
        expect(keyboard.scrollLock.at(-1)?.isOn).toBe(false);
        const lengths = edges.slice(1).map(({ atMs }, index) => atMs - (edges[index]?.atMs ?? 0));
        const [widths, gaps] = [0, 1].map((odd) =>
          lengths.filter((_, index) => index % 2 === odd).sort((a, b) => a - b),
        );
        process.stdout.write(
          `rig: pulses of ${widths?.map(Math.round).join(' ')} ms, gaps of ${gaps?.map(Math.round).join(' ')} ms\n`,
        );
        expect(widths?.[0]).toBeGreaterThan(pulseMs - tickMs);
        expect(gaps?.[0]).toBeGreaterThan(gapMs - tickMs);
        // Half as long again; the shortest of each are those that a busy host has disturbed least.
        expect(gaps?.[0]).toBeGreaterThan(1.2 * (widths?.[0] ?? Infinity));
      },
      stepLimitMs,
    );

    test(
      'goes on to its last pulse when kios is killed in the middle; nobody else gets the wire before',
      async () => {
        const before = keyboard.pulses;
        const next = await bench.start();
        await program.say({ dispense: 'k-2', at: at(), pieces: long });
        await pulsesAbove(before + 2);
        await program.kill();
        expect(keyboard.pulses - before).toBeLessThan(long);
        await next.open('dispenser', at());
        await next.say({ dispense: 'k-3', at: at(), pieces: 1 });
        expect(await dispensed(next, 'k-3')).toBe('failed');
        await next.say({ last: 'k-2', at: at() });
        const { last } = await next.heard('its end', (word) => word.id === 'k-2' && 'last' in word);
        expect(last).toBe('done');
        expect(keyboard.pulses - before).toBe(long);
        expect(keyboard.scrollLock.at(-1)?.isOn).toBe(false);
        // Asked for again it is not pulsed again; the next one is.
        await next.say({ dispense: 'k-2', at: at(), pieces: long });
        expect(await dispensed(next, 'k-2')).toBe('done');
        await next.say({ dispense: 'k-4', at: at(), pieces: 1 });
        expect(await dispensed(next, 'k-4')).toBe('done');
        expect(keyboard.pulses - before).toBe(long + 1);
        program = next;
      },
      stepLimitMs,
    );

    test(
      'stops, off, where a technician aborts it as docs/wiring.md says, and its order is unknown',
      async () => {
        const before = keyboard.pulses;
        await program.say({ dispense: 'k-5', at: at(), pieces: 16 });
        await pulsesAbove(before + 1);
        await bench.guest.sh(`echo '0 10 0 0 0 10 0 0' >${folder}/pattern`);
        const stopped = keyboard.pulses;
        expect(await dispensed(program, 'k-5')).toBe('unknown');
        expect(keyboard.pulses).toBe(stopped);
        expect(stopped - before).toBeLessThan(16);
        expect(await bench.guest.sh(`cat ${folder}/brightness`)).toBe('0');
      },
      stepLimitMs,
    );

    test(
      'is unknown where the LED was taken away in its middle',
      async () => {
        const mark = (await program.words()).length;
        const before = keyboard.pulses;
        await program.say({ dispense: 'k-6', at: at(), pieces: 10 });
        await pulsesAbove(before);
        await keyboard.device.unplug();
        expect(await dispensed(program, 'k-6')).toBe('unknown');
        const down = await program.heard('the loss', ({ state }) => state === 'down', mark);
        expect(down.fault).toBe('disconnected');
      },
      stepLimitMs,
    );
  });

  // The fall-back; a build machine has no time for it: KIOS_RIG_FULL=1.
  describe.skipIf(!isFull)('by libgpiod’s tools', () => {
    const gpio = new UsbGpio();
    const at =
      'gpio:cp2112_gpio/0?pulseMs=200&gapMs=300&drop=cp2112_gpio/1&dropEdge=rising&dropMs=2000';
    const tried = `${at}&releases=1`;
    let program: BenchProgram;

    beforeAll(async () => {
      await gpio.device.plug(bench.guest.usbSocket(2));
      await until('the chip', async () => {
        const found = await bench.guest.run('udevadm settle; find /dev/gpiochip* -group gpio');
        return found.out !== '';
      });
      program = await bench.start();
    }, stepLimitMs);

    test(
      'a chip that keeps a released line on is refused before the line is touched',
      async () => {
        await program.say({ open: 'dispenser', at });
        const { fault, detail } = await program.heard('a refusal', ({ state }) => state === 'down');
        expect(fault).toBe('hardware');
        expect(detail).toMatch(/released output/);
        expect([gpio.isOutput(0), gpio.edges]).toEqual([false, []]);
        // That it does so: the line is on for good after a plain pulse of the tool.
        await bench.guest.sh(`
          gpioset --mode=time --usec=50000 gpiochip0 0=1 || gpioset -c gpiochip0 -t 0 0=1`);
        await wait(systemClock, 200);
        expect([gpio.isOutput(0), gpio.level(0)]).toEqual([true, 1]);
      },
      stepLimitMs,
    );

    const dispensed = async (id: string): Promise<string | undefined> =>
      (await program.heard(`the end of ${id}`, (word) => word.id === id)).dispensed;

    test(
      'an opening switches off what was left on, and what falls behind a pulse is counted',
      async () => {
        await program.open('dispenser', tried);
        expect(gpio.level(0)).toBe(0);
        gpio.edges.length = 0;
        await program.say({ dispense: 'g-1', at: tried, pieces: 1 });
        await until('the end of the pulse', async () => Promise.resolve(gpio.edges.length === 2));
        gpio.drive(1, 1); // Something has come into the light barrier.
        expect(await dispensed('g-1')).toBe('done');
        gpio.drive(1, 0);
      },
      stepLimitMs,
    );

    test(
      'each piece has its pulse; where nothing falls the order is unknown when its time is over',
      async () => {
        gpio.edges.length = 0;
        await program.say({ dispense: 'g-2', at: tried, pieces: 2 });
        expect(await dispensed('g-2')).toBe('unknown');
        expect(gpio.edges.map(({ level }) => level)).toEqual([1, 0, 1, 0]);
      },
      stepLimitMs,
    );
  });
});
