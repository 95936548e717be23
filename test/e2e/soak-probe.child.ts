// Loaded into a kiosk's process before it (`--import`): on SIGUSR2 it collects what is garbage and says on standard output
// how much memory is left in use. It changes nothing else.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGUSR2', () => {
  // What the first run frees may be what held other things.
  collect();
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ msg: 'soak.memory', heapUsed, external, rss })}\n`);
});
