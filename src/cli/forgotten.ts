// Whether what is written to a file is gone at the next boot: so it is on a kiosk whose root is an overlay in memory
// (`provision.sh --read-only-root`). PURE.

interface Mount {
  place: string;
  type: string;
  options: readonly string[];
}

/**
 * @param mounts the text of /proc/self/mounts (proc(5), fstab(5))
 * @param path of a file, whole and without links
 */
export function isForgotten(mounts: string, path: string): boolean {
  const all = mounts.split('\n').map(mountOf);
  const { type, options = [] } = mountWith(all, path) ?? {};
  if (type !== 'overlay') return false;
  const upper = options.find((option) => option.startsWith('upperdir='))?.slice('upperdir='.length);
  if (upper === undefined) return false;
  const under = mountWith(all, upper);
  // Where the upper folder is not to be seen, as in a container, nothing is known of it.
  return under?.type === 'tmpfs';
}

function mountOf(line: string): Mount {
  const [, place = '', type = '', options = ''] = line.split(' ');
  return { place, type, options: options.split(',') };
}

/** The innermost mount; of two at one place the later one is above. */
function mountWith(mounts: readonly Mount[], path: string): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of mounts) {
    const { place } = mount;
    const folder = place.endsWith('/') ? place : `${place}/`;
    if (place === '' || !`${path}/`.startsWith(folder)) continue;
    if (place.length >= (found?.place.length ?? 0)) found = mount;
  }
  return found;
}
