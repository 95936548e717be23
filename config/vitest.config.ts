// How the tests run. `unit`: no socket, held by `no-sockets.ts`. `seams`: our rooms at real sockets, ptys, brokers and
// databases of their own. `e2e`: whole processes.
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

const seams = [
  'test/bench-page/{devices,page-server}.test.ts',
  'test/drivers/{dispenser,dispenser-pulse,dispenser-gpio,dispenser-relay,display,display-scan,input-replug,keypad,output-replug,ports,printer,printer-answers,printer-lp,printer-escpos,printer-owed,printer-rogue,printer-usb,scanner}.test.ts',
  'test/kiosk/{broker-line,broker-link,download,enrol-plain,enrol-scan,sheet-scan,key-chain,relay-claims,relay-client,remote-config-run,send,wrong-clock}.test.ts',
  'test/relay/{broker-flood,broker-tls,catch-up,clones,hooks,mosquitto,recovery,recovery-restored,recovery-store}.test.ts',
  'test/relay/{midtrans-client,charge-interleavings,stop,breaker-relay,notices-forged,charge-faults,drain,fleet,junk,keys,limits,midtrans,notices,report-day,report-store,sale,server}.test.ts',
  'test/relay/{store,store-absent,store-fair,store-durable,store-many,store-faults,migrations,sale-postgres,postgres-login}.test.ts',
  'test/relay/{claims-held,paid-twice,claims-operator,held-back,claims-redeem,claims-store,refunds,restored-money,signed-reports}.test.ts',
  'test/relay/{broker-line,commands,commands-store,configs,operator-commands,releases}.test.ts',
  'test/relay/{charge-pauses,fuzz,puback,slow-clients,support,syncs}.test.ts',
  'test/cli/{broken-pipe,devices,doctor,learn-printer,learn-scanner,setup-sheet,test,unchecked-tls}.test.ts',
  'test/bench/bench-smoke.test.ts',
  'test/field/*.test.ts',
  'test/scripts/*.test.ts',
  'test/twin/{cli,faults,midtrans-client,midtrans.contract,notification,replies,twin,virtual}.test.ts',
];
const elsewhere = ['test/e2e/**', 'test/rig/**', 'test/bench/**', 'test/sim/**'];

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
        // Processes of its own on all cores: nothing else runs beside it.
        test: { name: 'sim', include: ['test/sim/**/*.test.ts'], fileParallelism: false },
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
          maxWorkers: 2,
        },
      },
      {
        root,
        test: {
          name: 'rig',
          include: ['test/rig/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // A guest waits as much as it computes.
          maxWorkers: 2,
        },
      },
    ],
  },
});
