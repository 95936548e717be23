// Who may do what at a broker. PURE. The broker inside asks here, brokers with hooks ask here through the relay, and
// Mosquitto's rules (`mosquitto-role.ts`, config/mosquitto.acl) are made of the same lists.
import { parseTopic, type KioskTopics } from '../../protocol/topics.ts';

export type TopicAction = 'publish' | 'subscribe';

/** What a kiosk sends. */
export const kioskSends: readonly (keyof KioskTopics)[] = ['ack', 'status', 'echo'];
/** What a kiosk hears: its own status too, because an old will may have replaced it (PROTOCOL.md §5). */
export const kioskHears: readonly (keyof KioskTopics)[] = ['sale', 'command', 'status', 'echo'];

/** A kiosk reaches its own topics alone, each in its one direction, and no filter with a wildcard in it. */
export function kioskMay(kioskId: string, action: TopicAction, topic: string): boolean {
  const at = parseTopic(topic);
  if (at?.kioskId !== kioskId) return false;
  return (action === 'publish' ? kioskSends : kioskHears).includes(at.leaf);
}

/** The relay reaches every kiosk's topics, and nothing else that a broker may carry. */
export function relayMay(topic: string): boolean {
  return topic.startsWith('kios/1/');
}
