// The commands of `kios`, each a file beside this one, and the program that has them. It runs none of them.
import type { Command } from 'commander';
import { programOf } from './run-program.ts';

/** A command is loaded when it is asked for: the kiosk on its small machine does not carry the relay's libraries. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  kiosk: async () => (await import('./kiosk.ts')).kioskCommand(),
  journal: async () => (await import('./journal.ts')).journalCommand(),
  devices: async () => (await import('./devices.ts')).devicesCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  support: async () => (await import('./support.ts')).supportCommand(),
  test: async () => (await import('./test.ts')).testCommand(),
  learn: async () => (await import('./learn.ts')).learnCommand(),
  enrol: async () => (await import('./enrol.ts')).enrolCommand(),
  relay: async () => (await import('./relay.ts')).relayCommand(),
  twin: async () => (await import('./twin.ts')).twinCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
  bundle: async () => (await import('./bundle.ts')).bundleCommand(),
  sbom: async () => (await import('./sbom.ts')).sbomCommand(),
  card: async () => (await import('./card.ts')).cardCommand(),
  update: async () => (await import('./update.ts')).updateCommand(),
  console: async () => (await import('./console.ts')).consoleCommand(),
  root: async () => (await import('./root.ts')).rootCommand(),
};

/** The program with the command that is asked for; with all of them where there is no such one. */
export async function kiosProgram(asked: string): Promise<Command> {
  const one = commands[asked];
  const made: Command[] = [];
  for (const load of one === undefined ? Object.values(commands) : [one]) made.push(await load());
  return programOf(made);
}
