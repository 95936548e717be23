// How the tests run. `unit`: no socket, held by `no-sockets.ts`. `seams`: our rooms at real sockets, ptys, brokers and
// databases of their own. `e2e`: whole processes.
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

const seams = [
  'test/bench-page/{devices,page-server}.test.ts',
  'test/drivers/{dispenser,display,keypad,ports,printer,printer-lp,printer-rogue,scanner}.test.ts',
  'test/kiosk/{broker-link,relay-client}.test.ts',
  'test/relay/{charge-faults,fleet,limits,midtrans,notices,sale}.test.ts',
  'test/scripts/*.test.ts',
  'test/twin/{cli,faults,midtrans-client,midtrans.contract,notification,twin}.test.ts',
];
const elsewhere = ['test/e2e/**', 'test/rig/**', 'test/bench/**'];

export default defineConfig({
  root,
  test: {
    projects: [
      {
        root,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...elsewhere, ...seams],
          setupFiles: ['config/no-sockets.ts'],
          testTimeout: 30_000,
        },
      },
      {
        root,
        test: { name: 'seams', include: seams, testTimeout: 30_000, hookTimeout: 30_000 },
      },
      {
        root,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        root,
        test: {
          name: 'rig',
          include: ['test/rig/**/*.test.ts'],
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
