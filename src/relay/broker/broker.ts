// The seam to the MQTT broker: the relay's end of the kiosks' topics. Embedded here, or a server of its own.
import { type KioskTopics } from '../../protocol/topics.ts';

/** What a kiosk may send. */
export type UpLeaf = 'ack' | 'status';

export interface BrokerEvents {
  /** A kiosk's message. Its PUBACK waits for this to resolve; a rejection leaves it unacknowledged. */
  message(kioskId: string, leaf: UpLeaf, payload: Uint8Array): Promise<void>;
  /** A kiosk listens to its sales now. */
  listening(kioskId: string): void;
  /** Its connection is gone. */
  gone(kioskId: string): void;
}

export interface Broker {
  /** Resolves with the port, once kiosks can connect. */
  start(events: BrokerEvents): Promise<number>;
  /** Hands a message to the broker, QoS 1. Rejects when it was not taken. */
  publish(
    kioskId: string,
    leaf: Extract<keyof KioskTopics, 'sale' | 'command'>,
    payload: string,
  ): Promise<void>;
  /** Ends the kiosk's connection: its token is worth nothing any more. */
  kick(kioskId: string): void;
  ready(): boolean;
  stop(): Promise<void>;
}
