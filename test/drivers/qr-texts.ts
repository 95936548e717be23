// Texts for QRs that no single mode packs well.
import fc from 'fast-check';

/** Runs of digits, of capitals and of anything, as payment texts have them. */
export const mixedText = fc
  .array(
    fc.oneof(
      fc.stringMatching(/^[0-9]{1,30}$/),
      fc.stringMatching(/^[A-Z $%*+./:-]{1,30}$/),
      fc.stringMatching(/^[a-z0-9A-Z]{1,20}$/),
      fc.constantFrom('é', 'Rp\u00a015.000', '✓'),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.join(''));
