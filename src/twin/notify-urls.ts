// Where the notifications of one transaction go, by the dashboard's address and the charge's two headers. PURE.

export interface UrlHeaders {
  /** `X-Override-Notification`, `X-Append-Notification`: addresses between commas. */
  override: string | undefined;
  append: string | undefined;
}

/** Midtrans takes at most three from a header; what comes after them is not used. */
const maxUrls = 3;

/** Override replaces the dashboard's address and wins over append; append adds to it (reference §2). */
export function notifyUrls(dashboard: string | undefined, headers: UrlHeaders): string[] {
  const instead = split(headers.override);
  if (instead.length > 0) return instead;
  return [...(dashboard === undefined ? [] : [dashboard]), ...split(headers.append)];
}

function split(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => /^https?:\/\//.test(each) && URL.canParse(each))
    .slice(0, maxUrls);
}
