// What a technician's commands say in a guest, as programs hear it.
import { z } from 'zod';
import type { Workbench } from './workbench.ts';

const listed = z.object({
  devices: z.array(
    z.object({
      is: z.string(),
      link: z.string().optional(),
      configured: z.array(z.string()),
      faults: z.array(z.string()),
    }),
  ),
  elsewhere: z.array(z.object({ part: z.string() })),
});
const examined = z.object({
  findings: z.array(z.object({ check: z.string(), verdict: z.string() })),
});

/** `kios devices`, with its exit status. */
export async function devicesSaid(
  bench: Workbench,
  configFile: string,
): Promise<z.infer<typeof listed> & { code: number }> {
  const { code, out } = await bench.kios(`devices --json --config ${configFile}`);
  return { code, ...listed.parse(JSON.parse(out)) };
}

/** `kios doctor` as the user of the kiosk: the verdict of each check by its name. */
export async function doctorSaid(
  bench: Workbench,
  configFile: string,
): Promise<Record<string, string>> {
  const { out } = await bench.kios(`doctor --alone --json --config ${configFile}`, 'kios');
  const { findings } = examined.parse(JSON.parse(out));
  return Object.fromEntries(findings.map((one) => [one.check, one.verdict]));
}
