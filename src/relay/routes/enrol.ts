// Enrolment: a one-time code and a public key become a kiosk (DESIGN.md §4, PROTOCOL.md §8).
import { type FastifyInstance } from 'fastify';
import { type ZodTypeProvider } from 'fastify-type-provider-zod';
import { enrolBody, signedEnrolAnswer, type EnrolAnswer } from '../../protocol/api.ts';
import { KiosError } from '../../protocol/errors.ts';
import { signProof } from '../../protocol/proof.ts';
import { type AppParts } from '../app.ts';
import { failureLimit } from '../failure-limit.ts';
import { hashCode } from '../fleet/codes.ts';

/** A code has 60 bits; this is to keep guessers from filling the log. Right codes are not counted. */
const refusalsPerMinute = 60;
const claimSecretBytes = 32;
const brokerPasswordBytes = 32;

export function enrolRoutes(app: FastifyInstance, parts: AppParts): void {
  const { config, hops, keys, signer } = parts;
  const limit = failureLimit(app, refusalsPerMinute);
  app
    .withTypeProvider<ZodTypeProvider>()
    .post(
      '/v1/enrol',
      { schema: { body: enrolBody, response: { 200: signedEnrolAnswer } } },
      async (request, reply) => {
        const { code, publicKey, serial } = request.body;
        const claimSecret = secret(parts, claimSecretBytes);
        const enrolment = await hops.store.enrol(hashCode(code), publicKey, {
          serial: serial ?? null,
          claimSecret,
          brokerPassword:
            config.broker?.kind === 'mosquitto' ? secret(parts, brokerPasswordBytes) : null,
        });
        hops.metrics.enrolments.inc({ outcome: enrolment.kind });
        if (enrolment.kind === 'refused') {
          await limit(request, reply);
          hops.log.warn({ from: request.ip }, 'enrolment.refused');
          throw new KiosError('enrolment-refused', 'the code is wrong, used or expired');
        }
        const { kiosk, cursor, repeated, claimsHeld: held } = enrolment;
        // Its old connection, with the old key, ends, and it can connect before it has this answer.
        if (!repeated) await tellBroker(parts, kiosk.kioskId);
        hops.log.info({ kioskId: kiosk.kioskId, repeated }, 'kiosk.enrolled');
        if (held > 0) hops.log.warn({ kioskId: kiosk.kioskId, held }, 'kiosk.claims-held');
        const answer: EnrolAnswer = {
          kioskId: kiosk.kioskId,
          environment: config.environment,
          ledgerId: signer.ledgerId,
          keys: [...keys.links()],
          brokerUrl: parts.brokerUrl(),
          merchant: config.merchant,
          claimSecret: kiosk.claimSecret,
          ...(kiosk.brokerPassword === null ? {} : { brokerPassword: kiosk.brokerPassword }),
          cursor,
          limits: config.limits,
        };
        const claims = { ...answer, kioskKey: publicKey.x };
        return { ...answer, signed: await signProof('kios-enrolled', claims, signer.key) };
      },
    );
}

function secret(parts: AppParts, bytes: number): string {
  return Buffer.from(parts.randomBytes(bytes)).toString('base64url');
}

/** A broker that is away is told later: an enrolment that stands must be answered. */
async function tellBroker({ accounts, hops }: AppParts, kioskId: string): Promise<void> {
  try {
    await accounts.tell(kioskId);
  } catch (error) {
    hops.log.warn({ error: String(error) }, 'accounts.late');
  }
}
