// Certificates are verified, whatever the environment says: a process that was told otherwise does not start.
import { expect, test } from 'vitest';
import { runKios } from '../e2e/program.ts';

const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };

test.each([
  ['kiosk', '--config', '/nowhere.yaml'],
  ['relay', '--config', '/nowhere.yaml'],
  [
    'enrol',
    '--relay',
    'https://relay.invalid',
    '--code',
    '7K3M-Q9TX-2B4C',
    '--state',
    '/dev/null/kios',
  ],
])(
  'kios %s refuses to start without the check of certificates, and says what to do',
  async (...line) => {
    const { code, output } = await runKios({ env }, ...line);
    expect(code).toBe(1);
    expect(output).toMatch(/NODE_TLS_REJECT_UNAUTHORIZED=0.*take it out.*NODE_EXTRA_CA_CERTS/s);
    expect(output).toContain('[config-invalid]');
  },
);

test('any other value is Node’s own business', async () => {
  const { output } = await runKios(
    { env: { NODE_TLS_REJECT_UNAUTHORIZED: '1' } },
    ...['kiosk', '--config', '/nowhere.yaml'],
  );
  expect(output).toContain('the file cannot be read');
});
