// The commands' routes: what waits for a kiosk that heard nothing over MQTT, and what came of it. A kiosk reaches its own
// alone.
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  commandParams,
  commandResultAnswer,
  commandResultBody,
  commandsAnswer,
} from '../../protocol/command.ts';
import { type AppParts, type Authenticated } from '../app.ts';
import { signCommand } from '../fleet/commands.ts';

export function commandRoutes(app: FastifyInstance, parts: AppParts, caller: Authenticated): void {
  const { store, signer, hops } = parts;
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.get('/v1/commands', { schema: { response: { 200: commandsAnswer } } }, async (request) => {
    const rows = await store.openCommands(caller(request).kioskId);
    const tokens = await Promise.all(rows.map((row) => signCommand(signer, row)));
    return { commands: tokens.map((token) => ({ token })) };
  });

  typed.post(
    '/v1/commands/:commandId/result',
    {
      schema: {
        params: commandParams,
        body: commandResultBody,
        response: { 200: commandResultAnswer },
      },
    },
    async (request) => {
      const { kioskId } = caller(request);
      const { commandId } = request.params;
      const { outcome, why } = request.body;
      const known = await store.endCommand(kioskId, commandId, request.body);
      hops.metrics.commands.inc({ outcome: known ? outcome : 'unknown' });
      hops.log.info({ kioskId, commandId, outcome, why, known }, 'command.answered');
      return { known };
    },
  );
}
