// What a printer model can do: one file a model in `profiles/`, one schema. A wrong line there prints rubbish; it can
// never change what is printed on.
import { z } from 'zod';
import basic58 from './profiles/basic-58.json' with { type: 'json' };
import basic80 from './profiles/basic-80.json' with { type: 'json' };
import epsonTmT82 from './profiles/epson-tm-t82.json' with { type: 'json' };
import epsonTmT88 from './profiles/epson-tm-t88.json' with { type: 'json' };
import generic58x180 from './profiles/generic-58-180dpi.json' with { type: 'json' };
import generic58 from './profiles/generic-58.json' with { type: 'json' };
import generic80x180 from './profiles/generic-80-180dpi.json' with { type: 'json' };
import generic80 from './profiles/generic-80.json' with { type: 'json' };
import { codePageNames } from './code-page.ts';

/**
 * How it is asked before a job. `dle-eot`: at any time, and it names what is wrong; `asb` (GS a) and `gs-r`: only while
 * it can print, so that no answer means that it cannot. `none`: it is blind.
 */
export const statusWays = ['none', 'dle-eot', 'asb', 'gs-r'] as const;
export type StatusWay = (typeof statusWays)[number];

/** How it proves a job: by an answer that it gives in its turn, after the cut. `none`: what it did is never known. */
export const proofWays = ['none', 'gs-r', 'asb'] as const;
export type ProofWay = (typeof proofWays)[number];

const profileSchema = z
  .strictObject({
    name: z.string(),
    /** What is sold under which names. */
    models: z.array(z.string()).min(1),
    /** Width of the paper itself: its blank edges serve as the quiet zone of a QR. */
    paperMm: z.union([z.literal(58), z.literal(80)]),
    dpi: z.union([z.literal(203), z.literal(180)]),
    /** Printable width. */
    widthDots: z.int().min(300).max(640),
    /** Characters of font A (12 dots wide) on a line. */
    columns: z.int().min(24).max(53),
    /** Whether it draws a QR itself (GS ( k); otherwise it is sent as a picture. */
    nativeQr: z.boolean(),
    /** Largest side of a QR module in dots. A picture's bytes grow with it, a native QR's do not. */
    maxModuleDots: z.int().min(3).max(16),
    /** Bytes of one picture band: less than the smallest receive buffer, 4 KiB on cheap boards. */
    bandBytes: z.int().min(80).max(4096),
    codePage: z.enum(codePageNames),
    cutter: z.boolean(),
    status: z.enum(statusWays),
    proof: z.enum(proofWays),
    /** Whether DLE DC4 8 empties it: then nothing of an earlier job can still come out of a new connection. */
    clearsBuffer: z.boolean(),
  })
  .refine(({ columns, widthDots }) => columns * 12 <= widthDots, 'the columns are wider than it')
  .refine(({ status, proof }) => status !== 'none' || proof === 'none', 'a blind printer proves');
export type PrinterProfile = z.infer<typeof profileSchema>;

/** Reads the file of a model. @throws z.ZodError when it is none. */
export function readProfile(file: unknown): PrinterProfile {
  return profileSchema.parse(file);
}

/** `generic-*` is what Epson and good clones do; `basic-*` asks nothing of the printer but text and pictures. */
export const printerProfiles = {
  'generic-58': readProfile(generic58),
  'generic-80': readProfile(generic80),
  'generic-58-180dpi': readProfile(generic58x180),
  'generic-80-180dpi': readProfile(generic80x180),
  'basic-58': readProfile(basic58),
  'basic-80': readProfile(basic80),
  'epson-tm-t82': readProfile(epsonTmT82),
  'epson-tm-t88': readProfile(epsonTmT88),
} as const satisfies Record<string, PrinterProfile>;

export type PrinterProfileName = keyof typeof printerProfiles;

/** What `kios learn printer` found out of one printer, instead of what its model's profile says. */
export interface LearnedAnswers {
  status?: StatusWay | undefined;
  proof?: ProofWay | undefined;
  clearsBuffer?: boolean | undefined;
}

/** The profile of a configured printer. */
export function profileOf(
  printer: { profile: PrinterProfileName } & LearnedAnswers,
): PrinterProfile {
  const model = printerProfiles[printer.profile];
  const { status = model.status, clearsBuffer = model.clearsBuffer } = printer;
  const proof = status === 'none' ? 'none' : (printer.proof ?? model.proof);
  return { ...model, status, proof, clearsBuffer };
}
