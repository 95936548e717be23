// zod otherwise writes and compiles code for each schema, which a start waits for and a kiosk's few messages never pay
// back. To be imported before the first schema is made.
import { config } from 'zod';

config({ jitless: true });
