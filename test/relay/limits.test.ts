// What guards the relay from too much, and what it says when its store or its time is over.
import { expect, test } from 'vitest';
import { startSetting } from './setting.ts';

test('enrolment is rate-limited, with a problem document', async () => {
  const setting = await startSetting();
  try {
    let last: Response | undefined;
    for (let i = 0; i < 61; i++) {
      last = await fetch(`${setting.relayUrl}/v1/enrol`, { method: 'POST' });
    }
    expect(last?.status).toBe(429);
    expect(last?.headers.get('retry-after')).not.toBeNull();
    expect(await last?.json()).toMatchObject({ code: 'rate-limited' });
  } finally {
    await setting.stop();
  }
});
