// A support bundle on its way from a kiosk to its relay: `POST /v1/kiosks/{kioskId}/support`.
import { z } from 'zod';
import { kioskId } from './ids.ts';

/** Of one bundle, a .tar.gz. */
export const maxSupportBytes = 1024 * 1024;
/** What base64 makes of that. */
const maxText = Math.ceil(maxSupportBytes / 3) * 4;

export const supportParams = z.object({ kioskId });
export const supportBody = z.strictObject({ bundle: z.base64().min(4).max(maxText) });
/** `name`: under which the relay's operator finds it. */
export const supportAnswer = z.object({ name: z.string().max(64) });
/** The whole body, with its frame. */
export const maxSupportBody = maxText + 1024;
