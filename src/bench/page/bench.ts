// The line to the bench: what it shows, and what a hand does.
import type { BenchState } from './state.ts';

export interface Answer {
  ok: boolean;
  json: unknown;
}

/** Sends what a hand did. Answers `ok: false` also when the bench is gone. */
export async function send(path: string, body: unknown): Promise<Answer> {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const json: unknown = response.status === 204 ? undefined : await response.json();
    return { ok: response.ok, json };
  } catch {
    // The bench was stopped: `follow` says so on the page.
    return { ok: false, json: undefined };
  }
}

/** Calls with each state; `gone` with whether the line is down. The browser comes back by itself. */
export function follow(show: (state: BenchState) => void, gone: (down: boolean) => void): void {
  const events = new EventSource('/events');
  events.addEventListener('message', ({ data }: MessageEvent<string>) => {
    gone(false);
    show(JSON.parse(data) as BenchState);
  });
  events.addEventListener('error', () => {
    gone(true);
  });
}
