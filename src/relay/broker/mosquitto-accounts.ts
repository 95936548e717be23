// The kiosks' accounts at Mosquitto, kept by the relay through dynamic security. User name and client id are the kiosk's
// id, so that nobody takes another one's session over.
import { z } from 'zod';
import { type Clock } from '../../lib/clock.ts';
import { createDynsec, mustSucceed, responseTopic, type CommandAnswer } from './dynsec.ts';
import { type Accounts } from './external.ts';
import { closedDefaults, roleAcls, roleName } from './mosquitto-role.ts';
import { type Connection } from './line.ts';

const roleAnswer = z.object({ role: z.object({ textdescription: z.string().optional() }) });
const defaultsAnswer = z.object({
  acls: z.array(z.object({ acltype: z.string(), allow: z.boolean() })),
});

export interface MosquittoAccountsParts {
  clock: Clock;
  /** Which books the accounts at the broker belong to: the ledger's id. */
  ledgerId: string;
  /** The broker has lost its accounts, or has those of other books: all kiosks are due. */
  forgot(): Promise<void>;
  /** Tells this relay's answers from those of the others. */
  mark: string;
}

export function createMosquittoAccounts(parts: MosquittoAccountsParts): Accounts {
  let connection: Connection | undefined;
  const dynsec = createDynsec(
    async (topic, payload) => {
      if (connection === undefined) throw new Error('the broker is away');
      await connection.publish(topic, payload);
    },
    parts.clock,
    parts.mark,
  );

  /** The role is the mark as well: it comes after the kiosks were made due, so that a crash between does both again. */
  async function setUp(): Promise<void> {
    await parts.forgot();
    const role = {
      rolename: roleName,
      textdescription: parts.ledgerId,
      acls: roleAcls(),
    };
    mustSucceed(
      await dynsec.ask([
        { command: 'setDefaultACLAccess', acls: closedDefaults },
        { command: 'createRole', rolename: roleName },
        { command: 'modifyRole', ...role },
      ]),
      ['Role already exists'],
    );
  }

  return {
    async prepare(fresh) {
      connection = fresh;
      await fresh.subscribe([responseTopic]);
      const known = await dynsec.ask([
        { command: 'getRole', rolename: roleName },
        { command: 'getDefaultACLAccess' },
      ]);
      mustSucceed(known, ['Role not found']);
      if (!isOurs(known, parts.ledgerId)) await setUp();
    },
    hear(topic, payload) {
      if (topic !== responseTopic) return false;
      dynsec.hear(payload);
      return true;
    },
    lost() {
      connection = undefined;
      dynsec.lost();
    },
    async admit(kioskId, password) {
      if (password === null) throw new Error(`${kioskId} has no password for the broker: enrol it`);
      // Deleting ends its connection; it answers "not found" for one that is new.
      mustSucceed(
        await dynsec.ask([
          { command: 'deleteClient', username: kioskId },
          {
            command: 'createClient',
            ...{ username: kioskId, clientid: kioskId, password, roles: [{ rolename: roleName }] },
          },
        ]),
        ['Client not found'],
      );
    },
    async expel(kioskId) {
      mustSucceed(await dynsec.ask([{ command: 'deleteClient', username: kioskId }]), [
        'Client not found',
      ]);
    },
  };
}

function isOurs([role, defaults]: readonly CommandAnswer[], ledgerId: string): boolean {
  const found = roleAnswer.safeParse(role?.data).data?.role;
  const acls = defaultsAnswer.safeParse(defaults?.data).data?.acls ?? [];
  const closed = closedDefaults.every(({ acltype, allow }) =>
    acls.some((acl) => acl.acltype === acltype && acl.allow === allow),
  );
  return found?.textdescription === ledgerId && closed;
}
