// The door before the broker, without a line: what it asks of whoever comes again and again.
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createDoor } from '../../src/relay/broker/door.ts';
import { connectionCost, createPaces } from '../../src/relay/broker/pace.ts';

/** How many connections an allowance that is full pays for. */
function connectionsPaid(): number {
  const allowance = createPaces().of('ksk01');
  let paid = 0;
  while (allowance.spend(connectionCost, 0, 0)) paid++;
  return paid;
}

test('to be let in costs a kiosk of what it may send: it cannot come back for ever, and others can come', () => {
  let nowMs = 0;
  const refused: string[] = [];
  const door = createDoor({ monotonicMs: () => nowMs }, (why, whose) => {
    refused.push(`${whose}: ${why}`);
  });
  const letIn = (kioskId: string): boolean => {
    const socket = new Socket();
    door.knock(socket);
    door.enter(socket);
    door.named(socket);
    door.admit(socket, kioskId);
    const stays = !socket.destroyed;
    socket.destroy();
    return stays;
  };
  const most = connectionsPaid();
  expect(most).toBeGreaterThan(1);
  for (let i = 0; i < most; i++) expect(letIn('ksk01')).toBe(true);
  expect(letIn('ksk01')).toBe(false);
  expect(refused).toEqual(['ksk01: more than a kiosk may send']);
  expect(letIn('ksk02')).toBe(true);
  nowMs += 60_000;
  expect(letIn('ksk01')).toBe(true);
});
