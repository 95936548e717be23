// The bench's end of a crowd of simulated kiosks (crowd.child.ts).
import { type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { startChild } from './child.ts';

export interface CrowdOptions {
  url: string;
  /** Of a broker with TLS. */
  caFile?: string;
  count: number;
  privateKeyPem: string;
  /** Tokens as passwords; without them one password that the broker knows. */
  tokens: boolean;
}

export type CrowdCommand =
  | { do: 'connect'; from: number; to: number; spreadMs: number; limitMs: number }
  | { do: 'drop'; from: number; to: number }
  | { do: 'watch'; kiosk: number };

export interface CrowdAnswer {
  /** From the word to the last one that is up. */
  tookMs: number;
  up: number;
  /** All tries together. */
  tries: number;
}

export interface CrowdTold {
  saleId: string;
  verdict: string;
  /** Monotonic. */
  atMs: number;
}

export interface Crowd {
  pid: number;
  /** One command at a time. */
  order(command: CrowdCommand): Promise<CrowdAnswer>;
  /** Resolves when the watched kiosk hears this. @throws after `limitMs`. */
  told(saleId: string, verdict: string, limitMs: number): Promise<CrowdTold>;
  end(): Promise<void>;
}

export async function startCrowd(
  options: Omit<CrowdOptions, 'privateKeyPem'> & { privateKey: KeyObject },
): Promise<Crowd> {
  const { privateKey, ...rest } = options;
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const args = [JSON.stringify({ ...rest, privateKeyPem })];
  const child = await startChild<unknown>(import.meta.url, './crowd.child.ts', args);
  const ended = once(child.process, 'exit').then(() => {
    throw new Error('the crowd has ended');
  });
  ended.catch(() => undefined); // Only whoever waits for an answer is told.
  return {
    pid: child.pid,
    order: (command) => {
      const answer = new Promise<CrowdAnswer>((resolve) => {
        const take = (message: { answer?: CrowdAnswer }): void => {
          if (message.answer === undefined) return;
          child.process.off('message', take);
          resolve(message.answer);
        };
        child.process.on('message', take);
      });
      child.process.send(command);
      return Promise.race([answer, ended]);
    },
    told: (saleId, verdict, limitMs) =>
      new Promise((resolve, reject) => {
        const done = (): void => {
          clearTimeout(limit);
          child.process.off('message', take);
        };
        const take = ({ told }: { told?: CrowdTold }): void => {
          if (told?.saleId !== saleId || told.verdict !== verdict) return;
          done();
          resolve(told);
        };
        const limit = setTimeout(() => {
          done();
          reject(new Error(`${saleId} was never told to be ${verdict}`));
        }, limitMs);
        child.process.on('message', take);
      }),
    end: () => child.end(),
  };
}
