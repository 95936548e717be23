// Who may learn a device: no kiosk runs meanwhile, and only who writes must be able to know that.
import { expect, test } from 'vitest';
import { holdForLearning } from '../../src/cli/learn-hold.ts';
import { KiosError, type ErrorCode } from '../../src/protocol/errors.ts';

const text =
  'stateDir: /var/lib/kios\nkeypad: { at: terminal }\nqrOn: display\ndisplay: { at: "fb:/dev/fb0" }\n';
const hold = (dryRun: boolean, code: ErrorCode) => () =>
  holdForLearning({ config: 'kiosk.yaml', dryRun }, text, (stateDir) => {
    expect(stateDir).toBe('/var/lib/kios');
    throw new KiosError(code, 'refused');
  });

test('who only looks needs no right to the folder of the kiosk', () => {
  expect(hold(true, 'permission-denied')).not.toThrow();
  expect(hold(false, 'permission-denied')).toThrow('refused');
});

test('a kiosk that runs keeps its device also from who only looks', () => {
  expect(hold(true, 'kiosk-running')).toThrow('refused');
});
