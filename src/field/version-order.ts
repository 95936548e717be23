// Versions of releases and their order. PURE. Only three numbers are a version: what cannot be compared is no update.

export type Version = readonly [number, number, number];

/** `1.10.0`; undefined for every other text. */
export function parseVersion(text: string): Version | undefined {
  const [, major, minor, patch] = /^(\d{1,6})\.(\d{1,6})\.(\d{1,6})$/.exec(text) ?? [];
  if (major === undefined || minor === undefined || patch === undefined) return undefined;
  return [Number(major), Number(minor), Number(patch)];
}

/** Negative: `left` is older. */
export function compareVersions(left: Version, right: Version): number {
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** The newest of these; what is no version does not count. Undefined: none is one. */
export function highestVersion(texts: readonly (string | undefined)[]): string | undefined {
  const versions = texts.flatMap((text) => {
    const version = parseVersion(text ?? '');
    return version === undefined ? [] : [version];
  });
  return versions.sort(compareVersions).at(-1)?.join('.');
}

/** Why a release of this version may not take the place of what ran well; undefined: it may. @param floor see floorOf */
export function versionFault(version: string, floor: string | undefined): string | undefined {
  const parsed = parseVersion(version);
  if (parsed === undefined) return `${version} is no version of a release`;
  const least = floor === undefined ? undefined : parseVersion(floor);
  if (least === undefined || compareVersions(parsed, least) >= 0) return undefined;
  return `${version} is older than ${floor ?? ''}, which ran well here`;
}
