// A process that was told to believe every certificate does not start: whoever stands in between would be the relay, or
// Midtrans.
import { KiosError } from '../protocol/errors.ts';

const variable = 'NODE_TLS_REJECT_UNAUTHORIZED';

/** @throws KiosError `config-invalid` with what to do */
export function refuseUncheckedTls(env: NodeJS.ProcessEnv): void {
  // Node: 0 and nothing else switches the verification off, for all of the process.
  if (env[variable] !== '0') return;
  throw new KiosError(
    'config-invalid',
    `${variable}=0 in the environment switches the check of certificates off: take it out
(systemctl cat shows where it stands). For a CA of your own: NODE_EXTRA_CA_CERTS=/etc/kios/ca.crt`,
  );
}
