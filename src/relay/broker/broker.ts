// The seam to the MQTT broker: the relay's end of the kiosks' topics. Embedded here, or a server of its own.
import { type KioskTopics } from '../../protocol/topics.ts';

/** What a kiosk may send. */
export type UpLeaf = 'ack' | 'status';

/** More than a status with every part of a kiosk in it. */
export const maxPayloadBytes = 16 * 1024;

export interface BrokerEvents {
  /** A kiosk's message. Its PUBACK waits for this to resolve; a rejection leaves it unacknowledged. */
  message(kioskId: string, leaf: UpLeaf, payload: Uint8Array): Promise<void>;
  /** A kiosk listens to its sales now. A broker outside does not say so: the kiosk's status does. */
  listening(kioskId: string): void;
  /** Its connection is gone. */
  gone(kioskId: string): void;
}

/** A kiosk as it was enrolled. */
export interface Admitted {
  kioskId: string;
  /** Its key; a broker that checks tokens checks them with it. */
  publicKey: string;
  /** Its password, for a broker that knows none of its tokens. */
  brokerPassword: string | null;
}

export interface Broker {
  /** Resolves with the port (0: it is not ours), once kiosks can connect. */
  start(events: BrokerEvents): Promise<number>;
  /** Hands a message to the broker, QoS 1. Rejects when it was not taken. */
  publish(
    kioskId: string,
    leaf: Extract<keyof KioskTopics, 'sale' | 'command'>,
    payload: string,
  ): Promise<void>;
  /** Lets a kiosk in. What it had before this enrolment ends. */
  admit(kiosk: Admitted): Promise<void>;
  /** Ends the kiosk's connection and lets it in no more. */
  expel(kioskId: string): Promise<void>;
  /**
   * Capability: another boot of this kiosk lives; the connection of one that it replaced ends. A broker outside tells no
   * boots apart: there the next connection of the living one ends the other (MQTT 3.1.1 §3.1.4).
   */
  replaced?(kioskId: string, bootId: string): void;
  /** It says of each kiosk when it listens and when it is gone. Of another one a kiosk may listen and nobody has told us. */
  readonly seesListeners: boolean;
  /** It knows none of the kiosks' tokens: whoever has no password of its own cannot be let in. */
  readonly wantsPasswords: boolean;
  ready(): boolean;
  stop(): Promise<void>;
}
