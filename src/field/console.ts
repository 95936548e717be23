// A technician's keyboard and screen, for half an hour: what the rules of udev and kios-console.service have closed is
// opened by systemd/kios-getty.service alone, and closed again when that ends, whatever ends it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { commandClaims } from '../protocol/command.ts';
import { signedRequest, type SignedRequest } from '../protocol/root-request.ts';
import { answer, done, failed, refused, takeRequests, type Outcome } from './requests.ts';
import type { RootPlaces } from './root-places.ts';
import { runTool, ToolError } from './run-tool.ts';
import { kioskIdOf, openSigned } from './trust.ts';
import { markUsed, useFault } from './used-once.ts';

export type Switch = 'on' | 'off';

const getty = 'kios-getty.service';

/** Obeys the pending requests of the task `console`: commands named `console-on` and `console-off`. */
export async function obeyConsole(
  places: RootPlaces,
  clock: Clock,
  untilIdle: () => Promise<boolean>,
): Promise<void> {
  for (const request of takeRequests(places, 'console', signedRequest)) {
    answer(places, 'console', request.id, await switchSigned(places, clock, request, untilIdle));
  }
}

/** Starts or ends the login on the first terminal; never while somebody is paying. */
export async function switchConsole(
  to: Switch,
  untilIdle: () => Promise<boolean>,
): Promise<Outcome> {
  if (to === 'on' && !(await untilIdle())) return failed('the kiosk was never idle');
  try {
    await runTool('systemctl', [to === 'on' ? 'start' : 'stop', getty]);
    return done(`the console is ${to}`);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return failed(error.message);
  }
}

/** The keyboards speak to the system, and the text console has the screen. Only from kios-getty.service. */
export function openConsole({ inputs, consoles }: RootPlaces): void {
  for (const name of existsSync(inputs) ? readdirSync(inputs) : []) {
    const inhibited = join(inputs, name, 'inhibited');
    if (/^input\d+$/.test(name) && existsSync(inhibited)) writeFileSync(inhibited, '0');
  }
  bindConsoles(consoles, '1');
}

/** Only when kios-getty.service has ended. */
export async function closeConsole({ consoles }: RootPlaces): Promise<void> {
  bindConsoles(consoles, '0');
  // The rules of udev say which keyboards are a customer's.
  const steps = [
    ['udevadm', 'trigger', '--subsystem-match=input', '--action=add'],
    // A shell lives outside of the unit that let it in.
    ['loginctl', 'terminate-seat', 'seat0'],
    ['systemctl', '--no-block', 'start', 'kios.service'],
  ] as const;
  for (const [program, ...args] of steps) {
    // One that fails must not keep the others from closing.
    await runTool(program, args).catch((error: unknown) => {
      if (!(error instanceof ToolError)) throw error;
      process.stderr.write(`kios: ${error.message}\n`);
    });
  }
}

async function switchSigned(
  places: RootPlaces,
  clock: Clock,
  request: SignedRequest,
  untilIdle: () => Promise<boolean>,
): Promise<Outcome> {
  const claims = await openSigned(places, request, 'kios-command', commandClaims);
  if (claims === undefined) return refused('it is not signed by the relay of this kiosk');
  if (claims.kioskId !== kioskIdOf(places)) return refused('it is for another kiosk');
  const [, to] = /^console-(on|off)$/.exec(claims.name) ?? [];
  if (to !== 'on' && to !== 'off') return refused('it is another command');
  const use = { id: claims.commandId, deadlineMs: Date.parse(claims.deadline) };
  const fault = useFault(places, 'console', use, clock.nowMs());
  if (fault !== undefined) return refused(fault);
  const outcome = await switchConsole(to, untilIdle);
  if (outcome.outcome === 'done') markUsed(places, 'console', use, clock.nowMs());
  return outcome;
}

function bindConsoles(consoles: string, bound: '0' | '1'): void {
  for (const name of existsSync(consoles) ? readdirSync(consoles) : []) {
    const folder = join(consoles, name);
    if (!readFileSync(join(folder, 'name'), 'utf8').includes('frame buffer')) continue;
    writeFileSync(join(folder, 'bind'), bound);
  }
}
