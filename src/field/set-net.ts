// Gives the kiosk a Wi-Fi that the operator has signed. The password goes from the request into a file of root's alone, and
// from there to NetworkManager's folder in memory: never into arguments, the log or an answer.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import {
  netClaims,
  signedRequest,
  type NetClaims,
  type SignedRequest,
} from '../protocol/root-request.ts';
import { isFor, isSheet } from '../protocol/sheet.ts';
import { writeDurably } from '../lib/durable.ts';
import { readGuarded, readGuardedJson } from './read-guarded.ts';
import { answer, done, failed, refused, takeRequests, type Outcome } from './requests.ts';
import type { RootPlaces } from './root-places.ts';
import { runTool, ToolError } from './run-tool.ts';
import { kioskIdOf, openSigned, openSignedSheet, siteOf } from './trust.ts';
import { wifiFile, wifiKeyfile, wifiName } from './wifi-keyfile.ts';

const maxKeyfileBytes = 4096;
const connectLimitS = 30;

/** The one that stands: what was signed before it is refused, also when it could not be joined. */
const standing = netClaims.pick({ netId: true, iat: true });
const standingFile = 'net-last.json';
const maxStandingBytes = 1024;

/** Obeys the pending requests of the task `net`. */
export async function obeyNet(places: RootPlaces, clock: Clock): Promise<void> {
  for (const request of takeRequests(places, 'net', signedRequest)) {
    answer(places, 'net', request.id, await setWifi(places, clock, request));
  }
}

/** At boot: NetworkManager's folder in memory is empty then, and /etc may not be written to. */
export function restoreNet(places: RootPlaces): void {
  const kept = readGuarded(join(places.kept, wifiFile), maxKeyfileBytes);
  if (kept !== undefined) offer(places, kept.toString('utf8'));
}

async function setWifi(places: RootPlaces, clock: Clock, request: SignedRequest): Promise<Outcome> {
  const claims = await netOf(places, request);
  if (claims === undefined) return refused('it is not signed by the operator of this kiosk');
  const kioskId = kioskIdOf(places);
  // Before the first enrolment a kiosk has no name, and needs the network to get one.
  const to = claims.site === undefined ? { kioskId: claims.kioskId } : { site: claims.site };
  if (kioskId !== undefined && !isFor(to, { kioskId, site: siteOf(places) }))
    return refused('it is for another kiosk');
  if (Date.parse(claims.deadline) <= clock.nowMs()) return refused('its deadline is over');
  if (!isNewest(places, claims))
    return refused('one as new or newer was taken before: print it anew');
  // First: a power cut after it loses nothing, for the same one may be shown again.
  const { netId, iat } = claims;
  writeDurably(join(places.kept, standingFile), `${JSON.stringify({ netId, iat })}\n`);
  const text = wifiKeyfile(claims);
  writeDurably(join(places.kept, wifiFile), text);
  offer(places, text);
  return connect();
}

/** By what the signer says, as settings are: this machine's clock may be months back. The one that stands may come again. */
function isNewest({ kept }: RootPlaces, { netId, iat }: NetClaims): boolean {
  const last = standing.safeParse(readGuardedJson(join(kept, standingFile), maxStandingBytes)).data;
  return last === undefined || iat > last.iat || netId === last.netId;
}

/** What is signed: a message, or the sheet that the kiosk's scanner has read. Undefined: by nobody whom root believes. */
async function netOf(places: RootPlaces, request: SignedRequest): Promise<NetClaims | undefined> {
  if (!isSheet(request.token)) return openSigned(places, request, 'kios-net', netClaims, true);
  const sheet = await openSignedSheet(places, request);
  if (sheet?.kind !== 'wifi') return undefined;
  const { to, ssid, psk, security, hidden, issuedS, deadlineS } = sheet;
  return {
    ...('kioskId' in to ? to : { kioskId: '', ...to }),
    // The same sheet has the same name, whoever shows it.
    netId: createHash('sha256').update(JSON.stringify(sheet)).digest('base64url').slice(0, 22),
    ...{ ssid, security, hidden, iat: issuedS },
    ...(psk === undefined ? {} : { psk }),
    deadline: new Date(deadlineS * 1000).toISOString(),
  };
}

function offer({ connections }: RootPlaces, text: string): void {
  if (!existsSync(connections)) mkdirSync(connections, { recursive: true, mode: 0o755 });
  writeDurably(join(connections, wifiFile), text);
}

async function connect(): Promise<Outcome> {
  try {
    await runTool('nmcli', ['connection', 'reload']);
    await runTool('nmcli', ['--wait', `${connectLimitS}`, 'connection', 'up', 'id', wifiName]);
    return done('the Wi-Fi is connected');
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return failed(`the Wi-Fi is set, and not connected: ${error.message}`);
  }
}
