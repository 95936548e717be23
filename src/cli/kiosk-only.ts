// The kiosk's own program in a release: `kios kiosk` without the other commands. It behaves as kios.ts does.
import './schemas-as-they-are.ts';
import { kioskCommand } from './kiosk.ts';
import { programOf, runProgram } from './run-program.ts';

void runProgram(programOf([kioskCommand()]));
