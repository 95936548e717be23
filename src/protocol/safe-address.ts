// Which addresses a secret may travel to: encrypted ones, and those that never leave this machine. PURE.

const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|::1|localhost)$/;

/** This machine itself. @param host of an address, or what a listener binds */
export function isLoopback(host: string): boolean {
  return loopback.test(host);
}

/** Encrypted, or never leaving this machine (DESIGN.md §5). False also for what is no address. */
export function isSafeAddress(address: string, protocol: 'https:' | 'mqtts:'): boolean {
  const url = URL.parse(address);
  return url !== null && (url.protocol === protocol || isLoopback(url.hostname));
}
