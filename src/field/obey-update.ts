// The task `update` of root: obeys the pending requests, and judges the release that is on trial, also one from before a
// power cut.
import { updateRequest, type UpdateRequest } from '../protocol/root-request.ts';
import { answer, failed, takeRequests, type Outcome } from './requests.ts';
import { ToolError } from './run-tool.ts';
import { applyBundle, watchTrial, type Updating } from './update.ts';

export async function obeyUpdate(updating: Updating): Promise<void> {
  const { places, say } = updating;
  const left = await watchTrial(updating);
  if (left !== undefined) say(left.why);
  for (const request of takeRequests(places, 'update', updateRequest)) {
    const outcome = await applyAndJudge(updating, request);
    say(outcome.why);
    answer(places, 'update', request.id, outcome);
  }
}

async function applyAndJudge(
  updating: Updating,
  { bundle, again }: UpdateRequest,
): Promise<Outcome> {
  try {
    const applied = await applyBundle(updating, bundle, again);
    return (await watchTrial(updating)) ?? applied;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return failed(error.message);
  }
}
