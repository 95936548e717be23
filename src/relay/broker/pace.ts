// How much one kiosk may send to the broker inside, over all of its connections: a stolen key must not fill the relay's
// memory, nor keep its database busy, nor come back with a fresh allowance. PURE.

/** A kiosk that was away for a day and takes a hundred verdicts at once sends two packets for each. */
const maxPackets = 2_000;
const packetsASecond = 500;
/** A status with every part of a kiosk in it is below 16 KB, an acknowledgement 110 bytes. */
const maxBytes = 512 * 1024;
const bytesASecond = 64 * 1024;
/** What a connection costs, in packets: a token is verified and its boot looked up. */
export const connectionCost = 50;
/** As many as there may be connections; whoever has been silent longest is forgotten, and begins anew. */
const maxNames = 20_000;

export interface Allowance {
  /** False: it has sent more than it may. */
  spend(packets: number, bytes: number, nowMs: number): boolean;
}

export interface Paces {
  /** The allowance of this kiosk, shared by all connections that it ever makes. */
  of(name: string): Allowance;
}

export function createPaces(): Paces {
  const known = new Map<string, Allowance>();
  return {
    of(name) {
      const allowance = known.get(name) ?? createAllowance();
      known.delete(name);
      known.set(name, allowance);
      const [oldest] = known.keys();
      if (known.size > maxNames && oldest !== undefined) known.delete(oldest);
      return allowance;
    },
  };
}

/** Two buckets that fill up again while nothing is sent. */
function createAllowance(): Allowance {
  let packetsLeft = maxPackets;
  let bytesLeft = maxBytes;
  let atMs: number | undefined;
  return {
    spend(packets, bytes, nowMs) {
      const seconds = Math.max(0, nowMs - (atMs ?? nowMs)) / 1000;
      atMs = nowMs;
      packetsLeft = Math.min(maxPackets, packetsLeft + seconds * packetsASecond) - packets;
      bytesLeft = Math.min(maxBytes, bytesLeft + seconds * bytesASecond) - bytes;
      if (packetsLeft >= 0 && bytesLeft >= 0) return true;
      // No debts: a chunk that was too much is not paid for later, its connection has ended.
      packetsLeft = Math.max(0, packetsLeft);
      bytesLeft = Math.max(0, bytesLeft);
      return false;
    },
  };
}
