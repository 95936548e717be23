// A Midtrans that only answers, as fast as node:http can: every charge is made, every charge that is asked about is
// settled. For benches: whoever is measured waits for it, so it does nothing else. It remembers nothing.
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';
import { systemClock, wait } from '../../../src/lib/clock.ts';
import { qrText } from '../../../src/twin/qr-text.ts';
import { readyChild } from '../child.ts';
import { chargeOf, merchantId } from '../notices.ts';
import { payee } from '../payee.ts';

interface ChargeBody {
  transaction_details: { order_id: string; gross_amount: number };
}

const account = { ...payee, id: merchantId, city: 'BANDUNG', postalCode: '40111', mcc: '5812' };
const crossReference = '11111111-2222-4333-8444-555555555555';

const always = {
  merchant_id: merchantId,
  currency: 'IDR',
  payment_type: 'qris',
  acquirer: 'gopay',
  fraud_status: 'accept',
  transaction_time: '2026-01-01 10:00:00',
  expiry_time: '2099-01-01 10:00:00',
};

function charged({ transaction_details: order }: ChargeBody): unknown {
  return {
    ...always,
    status_code: '201',
    status_message: 'QRIS transaction is created',
    transaction_id: chargeOf(order.order_id),
    order_id: order.order_id,
    gross_amount: `${order.gross_amount}.00`,
    transaction_status: 'pending',
    actions: [],
    qr_string: qrText(account, order.gross_amount, crossReference),
  };
}

/** `id`: the charge's or the sale's; the one is made of the other. */
function settled(id: string): unknown {
  const saleId = id.startsWith('c-') ? id.slice(2) : id;
  return {
    ...always,
    status_code: '200',
    status_message: 'Success, transaction is found',
    transaction_id: chargeOf(saleId),
    order_id: saleId,
    gross_amount: '15000.00',
    transaction_status: 'settlement',
    settlement_time: '2026-01-01 10:00:01',
    issuer: 'gopay',
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function answerTo(request: IncomingMessage): Promise<unknown> {
  const body = await bodyOf(request);
  if (request.method === 'POST' && request.url === '/v2/charge') {
    return charged(JSON.parse(body) as ChargeBody);
  }
  return settled(request.url?.split('/')[2] ?? '');
}

/** How long an answer takes, in ms; nothing unless told. */
const [delayMs = '0'] = process.argv.slice(2);

const server = createServer((request, response) => {
  void answerTo(request).then(async (answer) => {
    if (delayMs !== '0') await wait(systemClock, Number(delayMs));
    const text = JSON.stringify(answer);
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  readyChild(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
