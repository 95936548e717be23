// A relay's process that holds a kiosk until it is killed.
import { systemClock } from '../../src/lib/clock.ts';
import { openPostgres } from '../../src/relay/store/postgres.ts';

const database = await openPostgres(
  { url: process.argv[2] ?? '', maxConnections: 2 },
  { clock: systemClock, random: () => 0 },
);
process.send?.(await database.holdKiosk('ksk01').then((hold) => hold?.held() === true));
