// Ends a kiosk's connection at a broker that asks the relay over HTTP. It needs no interface of that broker: whoever
// connects under a client id ends the connection that has it (MQTT 3.1.1 §3.1.4), and a clean session leaves nothing of
// the old one (§3.1.2.4).
import mqtt from 'mqtt';
import { type Accounts } from './external.ts';
import { type LineOptions } from './line.ts';

const timeoutMs = 10_000;

export function createTakeovers(
  line: Pick<LineOptions, 'url' | 'username' | 'password' | 'ca'>,
): Accounts {
  const { url, username, password, ca } = line;

  async function takeOver(kioskId: string): Promise<void> {
    const client = await mqtt.connectAsync(url, {
      protocolVersion: 4,
      ...{ clientId: kioskId, username, password },
      clean: true,
      connectTimeout: timeoutMs,
      reconnectPeriod: 0,
      ...(ca === undefined ? {} : { ca }),
    });
    await client.endAsync();
  }

  return {
    prepare: () => Promise.resolve(),
    hear: () => false,
    lost: () => undefined,
    // Who it is, is asked of the relay at every connection: only what it had before is to be ended.
    admit: takeOver,
    expel: takeOver,
  };
}
