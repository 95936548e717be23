// A Wi-Fi as NetworkManager's keyfile (nm-settings-keyfile(5)). PURE. No text of the request can become another key of it.
import type { NetClaims } from '../protocol/root-request.ts';

export const wifiFile = 'kios-wifi.nmconnection';
export const wifiName = 'kios-wifi';

export function wifiKeyfile({ ssid, psk, security, hidden }: NetClaims): string {
  const lines = [
    '[connection]',
    `id=${wifiName}`,
    'type=wifi',
    'autoconnect=true',
    // Before a network that the card was flashed with, which stays as a way back.
    'autoconnect-priority=10',
    '',
    '[wifi]',
    'mode=infrastructure',
    // Decimal bytes: a name may hold semicolons, quotes, line breaks.
    `ssid=${[...Buffer.from(ssid)].map((byte) => `${byte};`).join('')}`,
    `hidden=${hidden}`,
    '',
    ...(psk === undefined
      ? []
      : ['[wifi-security]', `key-mgmt=${security}`, `psk=${escaped(psk)}`, '']),
    '[ipv4]',
    'method=auto',
    '',
    '[ipv6]',
    'method=auto',
  ];
  return `${lines.join('\n')}\n`;
}

/** GKeyFile: a backslash begins an escape, and a space at the beginning would be cut off. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replace(/^ /, '\\s');
}
