// What a kiosk may do at Mosquitto, as its dynamic security understands it. PURE.
//
// One role for all kiosks: it says which filters may be subscribed to. Which messages pass, to and from a kiosk, is said
// once in config/mosquitto.acl by patterns of the user name, which dynamic security of 2.0 does not have. A role for each
// kiosk would say it too, but 2.0 writes the whole file of accounts at every command: at 10,000 kiosks that stops the
// broker for a third of a second a command, with one short account a kiosk for a fraction of that.
import { kioskHears } from './acl.ts';

export const roleName = 'kiosk';

interface Acl {
  acltype: string;
  topic: string;
  allow: boolean;
  /** The highest is looked at first, and the first that matches decides. */
  priority: number;
}

/** A filter for one kiosk alone, of the leaves that kiosks hear; no other filter, and so no wildcard. */
export function roleAcls(): Acl[] {
  const filters = kioskHears.map((leaf) => `kios/1/+/${leaf}`);
  const acl = (acltype: string, topic: string, allow: boolean, priority: number): Acl => ({
    ...{ acltype, topic, allow, priority },
  });
  return [
    ...filters.map((filter) => acl('subscribeLiteral', filter, false, 2)),
    ...filters.map((filter) => acl('subscribePattern', filter, true, 1)),
    acl('subscribePattern', '#', false, 0),
  ];
}

/** What is said nowhere is not allowed; a fresh file lets everybody receive. */
export const closedDefaults: readonly { acltype: string; allow: boolean }[] = [
  { acltype: 'publishClientSend', allow: false },
  { acltype: 'publishClientReceive', allow: false },
  { acltype: 'subscribe', allow: false },
  { acltype: 'unsubscribe', allow: true },
];
