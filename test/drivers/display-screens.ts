// Every screen that a kiosk can show, by name and language: each state, each outcome, and the longest words of each.
import type { Scene } from '../../drivers/display/scene.ts';
import { lostCode } from '../../src/kiosk/new-state.ts';
import { setUpScene, type SetUp } from '../../src/kiosk/enrol-screen.ts';
import { sceneOf } from '../../src/kiosk/screens.ts';
import { haltedScene } from '../../src/kiosk/standstill.ts';
import { parts, type Outcome, type Part, type Phase, type State } from '../../src/kiosk/state.ts';
import { context, paying, phases, sale, stateAt } from '../kiosk/screen-states.ts';
import { scenes } from './display-scenes.ts';

export const languages = ['id', 'en'] as const;
export type Language = (typeof languages)[number];

function broken(state: State, them: readonly Part[] = parts): State {
  const lost = them.map((part) => [part, { ok: false, code: lostCode[part] }] as const);
  return { ...state, parts: { ...state.parts, ...Object.fromEntries(lost) } };
}

const ofPhases = Object.fromEntries(
  Object.entries(phases).map(([name, phase]) => [
    name,
    (language: Language) => sceneOf(stateAt(phase, language), context),
  ]),
);

const ofOldScenes = Object.fromEntries(
  Object.entries(scenes).map(([name, scene]) => [`fixed ${name}`, (): Scene => scene]),
);

const setUps: Readonly<Record<string, SetUp>> = {
  'set-up': { at: 'waiting' },
  'set-up, no scanner': { at: 'no-scanner' },
  'set-up, asking': { at: 'asking', host: 'relay.perusahaan-dagang-sentosa.co.id' },
  'set-up, refused': { at: 'failed', code: 'enrolment-refused', again: false },
  'set-up, tried again': { at: 'failed', code: 'clock-wrong', again: true },
  'set-up, taken': { at: 'taken' },
  'set-up, done': { at: 'done', kioskId: 'kuta01abc', merchant: 'WARUNG BERKAH SENTOSA 123' },
};

/** All of them. The fixed ones know one language; their words are longer than any of a kiosk. */
export const screens: Readonly<Record<string, (language: Language) => Scene>> = {
  ...ofPhases,
  'out of service': (language) =>
    sceneOf(broken(stateAt({ at: 'idle' }, language), ['relay']), context),
  'everything broken': (language) => sceneOf(broken(stateAt({ at: 'idle' }, language)), context),
  'technician, everything broken': (language) =>
    sceneOf(broken(stateAt({ at: 'technician', untilMs: 0 }, language)), context),
  'paying by paper': (language) =>
    sceneOf(stateAt({ ...paying, sale: { ...sale, qrOn: 'paper' } }, language), context),
  'paying a little': (language) =>
    sceneOf(stateAt({ ...paying, sale: { ...sale, amountIdr: 15_000 } }, language), context),
  'halted with a sale': (language) =>
    haltedScene(
      stateAt({ ...paying, sale: { ...sale, deadlineMs: 1 } }, language),
      'disk-full',
      context,
    ),
  ...Object.fromEntries(
    Object.entries(setUps).map(([name, setUp]) => [
      name,
      (language: Language): Scene => setUpScene(setUp, language),
    ]),
  ),
  ...ofOldScenes,
};

/** Held by the compiler: a new state or outcome is named here, and then a screen of it must be above. */
export const states: Record<Phase['at'], true> = {
  ...{ idle: true, entering: true, basket: true, asking: true, technician: true, blocked: true },
  ...{ charging: true, checking: true, paying: true, stopping: true, abandoning: true },
  ...{ dispensing: true, claiming: true, seeking: true, redeeming: true, result: true },
};
export const outcomes: Record<Outcome, true> = {
  ...{ done: true, cancelled: true, expired: true, denied: true, refunded: true },
  ...{ unsent: true, abandoned: true, claim: true },
};
