// Why a server's certificate was not accepted, in words for whoever set it up. Node's own words advise about Node.

const signers: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
]);

/** Undefined: this code is not about a certificate. @param code of the error, such as `CERT_HAS_EXPIRED` */
export function certificateWords(code: string): string | undefined {
  if (signers.has(code))
    return `its certificate is signed by a CA that is not known here (${code})`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for another name than this address has (${code})`;
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return `its certificate is out of its time, or this clock is (${code})`;
  }
  return undefined;
}
