// MQTT 3.1.1 frames by hand, for kiosks by the ten thousand in one process: a client library for each would be what is
// measured. Only what a kiosk says and hears at QoS 1.
import assert from 'node:assert';

/** MQTT 3.1.1 §2.2.3: the length in seven bits a byte, lowest first. */
function frame(type: number, body: Buffer): Buffer {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
}

function number16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

export interface ConnectFrame {
  kioskId: string;
  password: string;
  will: { topic: string; payload: string };
  keepaliveS: number;
}

/** CONNECT with a session that lasts, user name = client id, and a retained will at QoS 1. */
export function connectFrame({ kioskId, password, will, keepaliveS }: ConnectFrame): Buffer {
  // User name, password, will retained, will QoS 1, will; not clean.
  const flags = 0x80 | 0x40 | 0x20 | 0x08 | 0x04;
  return frame(
    0x10,
    Buffer.concat([
      ...[text('MQTT'), Buffer.from([4, flags]), number16(keepaliveS), text(kioskId)],
      ...[text(will.topic), text(will.payload), text(kioskId), text(password)],
    ]),
  );
}

export function subscribeFrame(packetId: number, topics: readonly string[]): Buffer {
  const wanted = topics.flatMap((topic) => [text(topic), Buffer.from([1])]);
  return frame(0x82, Buffer.concat([number16(packetId), ...wanted]));
}

/** PUBLISH at QoS 1. */
export function publishFrame(
  packetId: number,
  topic: string,
  payload: string,
  retain = false,
): Buffer {
  const body = [text(topic), number16(packetId), Buffer.from(payload)];
  return frame(retain ? 0x33 : 0x32, Buffer.concat(body));
}

export function pubackFrame(packetId: number): Buffer {
  return frame(0x40, number16(packetId));
}

export type Heard =
  | { kind: 'connack'; code: number }
  | { kind: 'suback'; refused: boolean }
  | { kind: 'puback' }
  | { kind: 'publish'; packetId: number; topic: string; payload: string }
  | { kind: 'other' };

/** Takes whole frames off the front of what came; `rest` is the beginning of one that has not come whole. */
export function readFrames(came: Buffer): { heard: Heard[]; rest: Buffer } {
  const heard: Heard[] = [];
  let at = 0;
  for (;;) {
    const found = frameAt(came, at);
    if (found === undefined) return { heard, rest: came.subarray(at) };
    heard.push(read(came.readUInt8(at), came.subarray(found.bodyAt, found.end)));
    at = found.end;
  }
}

function frameAt(came: Buffer, at: number): { bodyAt: number; end: number } | undefined {
  let length = 0;
  for (let place = 0; place < 4; place++) {
    if (at + 1 + place >= came.length) return undefined;
    const byte = came.readUInt8(at + 1 + place);
    length += (byte & 127) * 128 ** place;
    if (byte > 127) continue;
    const bodyAt = at + 2 + place;
    return bodyAt + length > came.length ? undefined : { bodyAt, end: bodyAt + length };
  }
  assert.fail('a length of more than four bytes');
}

function read(type: number, body: Buffer): Heard {
  switch (type >> 4) {
    case 2:
      return { kind: 'connack', code: body.readUInt8(1) };
    case 9:
      return { kind: 'suback', refused: body.subarray(2).includes(0x80) };
    case 4:
      return { kind: 'puback' };
    case 3: {
      const topicEnd = 2 + body.readUInt16BE(0);
      const qos = (type >> 1) & 3;
      return {
        kind: 'publish',
        packetId: qos === 0 ? 0 : body.readUInt16BE(topicEnd),
        topic: body.toString('utf8', 2, topicEnd),
        payload: body.toString('utf8', topicEnd + (qos === 0 ? 0 : 2)),
      };
    }
    default:
      return { kind: 'other' };
  }
}
