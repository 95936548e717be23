// Whether a kiosk has signed what it reports. A wrong signature is refused; a missing one is taken and remembered, because
// what was not signed may have been said by whoever carries the kiosk's token.
import { verifyReport, type SaleReport } from '../protocol/report.ts';
import { publicKeyOf } from './auth.ts';
import { type Hops } from './hops.ts';
import { createQuietLog } from './quiet-log.ts';
import { type KioskRow } from './store/schema.ts';

/**
 * To be spread into the event that the report becomes.
 * @throws KiosError `unauthorised` on a signature that is not this kiosk's over this report.
 */
export type CheckSigned = (
  kiosk: KioskRow,
  report: SaleReport,
  signed: string | undefined,
) => Promise<{ unsigned?: true }>;

export function createCheckSigned({
  clock,
  log,
  metrics,
}: Pick<Hops, 'clock' | 'log' | 'metrics'>): CheckSigned {
  const warn = createQuietLog(clock, log);
  return async (kiosk, report, signed) => {
    if (signed === undefined) {
      metrics.faults.inc({ place: 'report-unsigned' });
      warn('report.unsigned', kiosk.kioskId, { saleId: report.saleId, result: report.result });
      return { unsigned: true };
    }
    await verifyReport(signed, report, publicKeyOf(kiosk));
    return {};
  };
}
