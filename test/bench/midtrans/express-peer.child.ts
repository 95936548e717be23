// The peer: Express with midtrans-client as its documentation shows them, the state in memory. It does for a notification
// what `transaction.notification()` does (a get-status of its own), and for a charge what `charge()` does.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { type AddressInfo } from 'node:net';
import express from 'express';
import { readyChild } from '../child.ts';
import { serverKey } from '../notices.ts';

type Json = Record<string, unknown>;

/** As much of the client (1.4.3, which has no types) as is used here. */
interface CoreApi {
  apiConfig: { getCoreApiBaseUrl(): string };
  charge(body: Json): Promise<Json>;
  transaction: { notification(body: Json): Promise<Json> };
}
interface MidtransClient {
  CoreApi: new (options: {
    isProduction: boolean;
    serverKey: string;
    clientKey: string;
  }) => CoreApi;
}

const midtransClient = createRequire(import.meta.url)('midtrans-client') as MidtransClient;
const [midtransUrl = ''] = process.argv.slice(2);
const api = new midtransClient.CoreApi({ isProduction: false, serverKey, clientKey: 'x' });
api.apiConfig.getCoreApiBaseUrl = () => midtransUrl;

/** Its only state; a restart loses it. */
const orders = new Map<string, unknown>();

const app = express();
app.set('env', 'production');
app.use(express.json());

app.post('/notification', (request, response) => {
  api.transaction.notification(request.body as Json).then(
    (status) => {
      orders.set(String(status['order_id']), status['transaction_status']);
      response.status(200).send('OK');
    },
    (error: unknown) => {
      response.status(500).send(String(error));
    },
  );
});

app.post('/charge', (request, response) => {
  const { amount } = request.body as { amount: number };
  const orderId = `o-${randomUUID()}`;
  const order = {
    payment_type: 'qris',
    transaction_details: { order_id: orderId, gross_amount: amount },
    qris: { acquirer: 'gopay' },
  };
  api.charge(order).then(
    (charge) => {
      orders.set(orderId, charge['transaction_status']);
      response.json({ orderId, qr: charge['qr_string'] });
    },
    (error: unknown) => {
      response.status(500).json({ error: String(error) });
    },
  );
});

const server = app.listen(0, '127.0.0.1', () => {
  readyChild(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
