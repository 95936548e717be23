// What the tests and the guest's agent say to each other, as JSON lines. Types alone: the agent is one file.

export type Ask = { id: number } & (
  | { run: string; stdin?: string; limitMs: number }
  | { put: string; base64: string; mode: number }
  | { get: string }
  | { ping: true }
);

export interface Ran {
  /** 128 where a signal ended it. */
  code: number;
  out: string;
  err: string;
}

export type Answer =
  | { hello: true }
  | { id: number; ran: Ran }
  | { id: number; base64: string }
  | { id: number; done: true }
  | { id: number; failed: string };
