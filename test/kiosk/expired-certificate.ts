// For tests of wrong clocks: a certificate for 127.0.0.1 that is right in all but its dates.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes `cert.pem` and `key.pem` into a folder. `openssl req` makes none that is over already. */
export function makeExpiredCertificate(folder: string): void {
  const at = (name: string): string => join(folder, name);
  const config = `[ca]
default_ca = own
[own]
database = ${at('index')}
rand_serial = yes
new_certs_dir = ${folder}
default_md = sha256
policy = any
x509_extensions = named
[any]
commonName = supplied
[named]
subjectAltName = IP:127.0.0.1
basicConstraints = critical, CA:true
`;
  writeFileSync(at('config'), config);
  writeFileSync(at('index'), '');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const request = [
    'req',
    ...key,
    '-subj',
    '/CN=relay',
    '-keyout',
    at('key.pem'),
    '-out',
    at('csr'),
  ];
  const dates = ['-startdate', '20260101000000Z', '-enddate', '20260102000000Z'];
  const files = ['-keyfile', at('key.pem'), '-in', at('csr'), '-out', at('cert.pem')];
  const sign = [
    'ca',
    '-selfsign',
    '-batch',
    '-notext',
    '-config',
    at('config'),
    ...dates,
    ...files,
  ];
  for (const args of [request, sign]) execFileSync('openssl', args, { stdio: 'ignore' });
}
