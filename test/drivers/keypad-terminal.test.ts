// The terminal as a keypad, at a real pty: what is typed, what Ctrl-C does, and that the terminal is given back.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished, expect, test } from 'vitest';

const child = new URL('keypad-terminal.child.ts', import.meta.url).pathname;

interface Terminal {
  socat: ChildProcess;
  type(text: string): void;
  /** Everything that was printed, as soon as it contains this. */
  until(text: string): Promise<string>;
}

/** Starts the program at a new pty; what is written to socat is typed there. */
function startAtTerminal(): Terminal {
  const command = `EXEC:'${process.execPath} ${child}',pty,setsid,ctty,sane,echo=0`;
  const socat = spawn('socat', ['-', command], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(socat, 'exit');
  onTestFinished(async () => {
    socat.kill();
    await exited;
  });
  let printed = '';
  socat.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return {
    socat,
    type: (text) => socat.stdin.write(text),
    until: async (text) => {
      while (!printed.includes(text)) await once(socat.stdout, 'data');
      return printed;
    },
  };
}

test('keys are heard one by one, Ctrl-C ends the program, and the terminal is as before', async () => {
  const terminal = startAtTerminal();
  await terminal.until('<open -icanon>');
  terminal.type('150\r');
  await terminal.until('<enter>');
  terminal.type('\x7f');
  await terminal.until('<backspace>');
  terminal.type('\x1b[A'); // The arrow key is no key of a keypad.
  terminal.type('cl*');
  await terminal.until('<language><clear>');
  terminal.type('\x1b');
  await terminal.until('<cancel>');
  terminal.type('\x03');
  const exited = once(terminal.socat, 'exit');
  const printed = await terminal.until('raw=false>');
  expect(printed).toBe(
    '<open -icanon><1><5><0><enter><backspace><clear><language><clear><cancel>' +
      '<SIGINT><closed icanon raw=false>',
  );
  await exited; // Nothing of the keypad keeps the program alive.
});

test('standard input that is no terminal is refused with what to do', async () => {
  const program = spawn(process.execPath, [child], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [text] = (await once(program.stdout, 'data')) as [Buffer];
  expect(text.toString()).toContain('standard input is no terminal; start kios in one');
  await once(program, 'exit');
});

test('a terminal that vanishes ends the keypad, and not the program', async () => {
  const program = new URL('keypad-vanish.child.ts', import.meta.url).pathname;
  const command = `EXEC:'${process.execPath} ${program}',pty,setsid,ctty,sane,echo=0`;
  const socat = spawn('socat', ['-', command], { stdio: ['pipe', 'ignore', 'pipe'] });
  socat.stdin.on('error', () => undefined); // It is killed below.
  let said = '';
  socat.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(socat.stderr, 'end'); // The program has it too, so it ends with the program.
  await expect.poll(() => said, { timeout: 10_000 }).toContain('<open>');
  socat.kill('SIGKILL');
  await ended;
  expect(said).toBe('<open><disconnected><disconnected><disconnected><alive>');
});
