// docs/errors.md, made from the registry of codes so that the two cannot differ.
import { errors } from '../../src/protocol/errors.ts';

/** The whole text of docs/errors.md. */
export function errorsPage(): string {
  const rows = Object.entries(errors).map(
    ([code, { http, retryable, means }]) =>
      `| \`${code}\` | ${http === 0 ? '–' : http} | ${retryable ? 'yes' : 'no'} | ${means} |`,
  );
  return `# Error codes

Each fault of kios has one code: in the \`code\` of the relay's problem documents, in the logs, and behind the words on
the kiosk's screen (unless the customer can mend it). HTTP is the status of the relay's answer (– means that the code never travels as one); "again" says
whether the same thing may succeed later without anybody mending something.

This page is made from \`src/protocol/errors.ts\`: after a change there, run
\`UPDATE_DOCS=1 npm run test:unit -- test/tidy.test.ts\`.

| code | HTTP | again | what it means and what to do |
|---|---|---|---|
${rows.join('\n')}
`;
}
