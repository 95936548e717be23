// docs/errors.md and the table of docs/technician.md, made from the registry of codes so that they cannot differ.
import { sayCode } from '../../src/kiosk/words.ts';
import { errors, isErrorCode } from '../../src/protocol/errors.ts';

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

/** The text of docs/technician.md with the codes that a screen shows in the place that is kept for them. */
export function technicianPage(page: string): string {
  const rows = Object.keys(errors)
    .filter(isErrorCode)
    // What a customer can mend stands there without its code. Of the others none is left out: whatever the relay answers
    // with may come to a screen.
    .filter((code) => sayCode('id', code).includes(`(${code})`))
    .map(
      (code) =>
        `| \`${code}\` | ${wordsOf('id', code)} | ${wordsOf('en', code)} | ${errors[code].means} |`,
    );
  const table = ['| code | layar | screen | what to do |', '|---|---|---|---|', ...rows].join('\n');
  return page.replace(/(<!-- made from [^\n]*-->\n)[^]*?(<!-- end -->)/, `$1\n${table}\n\n$2`);
}

function wordsOf(language: 'id' | 'en', code: keyof typeof errors): string {
  return sayCode(language, code).replace(` (${code})`, '');
}
