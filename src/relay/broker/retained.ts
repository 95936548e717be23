// The retained messages of the broker inside, found by their topic. aedes' own store walks over all of them for every
// subscription, which a fleet that comes back cannot wait for; here nobody may subscribe to anything but a topic by name.
import { Readable } from 'node:stream';

interface Retained {
  readonly topic: string;
  readonly payload: string | Buffer;
}

/** The two methods of aedes' persistence that are about retained messages. */
export interface RetainedMessages {
  storeRetained(packet: Retained): Promise<void>;
  createRetainedStreamCombi(topics: readonly string[]): Readable;
}

/** As many as kiosks have topics to publish to: whoever may publish is known by then. */
export function createRetained(): RetainedMessages {
  const kept = new Map<string, Retained>();
  return {
    storeRetained(packet) {
      // MQTT 3.1.1 §3.3.1.3: an empty one takes away what was there.
      if (packet.payload.length === 0) kept.delete(packet.topic);
      else kept.set(packet.topic, { ...packet });
      return Promise.resolve();
    },
    createRetainedStreamCombi: (topics) =>
      Readable.from(topics.flatMap((topic) => kept.get(topic) ?? [])),
  };
}
