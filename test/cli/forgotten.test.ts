// Which files of an overlay in memory are gone at the next boot, by the mounts of real machines.
import { expect, test } from 'vitest';
import { writeFault } from '../../src/cli/config-write.ts';
import { isForgotten } from '../../src/cli/forgotten.ts';

/** As overlayroot makes them with `tmpfs:recurse=0`. */
const overlayroot = `proc /proc proc rw,nosuid 0 0
/dev/mmcblk0p2 /media/root-ro ext4 ro,relatime 0 0
tmpfs-root /media/root-rw tmpfs rw,relatime 0 0
overlayroot / overlay rw,relatime,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay,workdir=/media/root-rw/overlay-workdir/_ 0 0
/dev/mmcblk0p3 /srv/kios ext4 rw,noatime 0 0
`;
const container = `overlay / overlay rw,lowerdir=/var/lib/docker/l/A,upperdir=/var/lib/docker/B/diff,workdir=/var/lib/docker/B/work 0 0
tmpfs /dev tmpfs rw 0 0
`;
const onDisk = '/dev/mmcblk0p2 / ext4 rw,noatime 0 0\ntmpfs /tmp tmpfs rw 0 0\n';

test.each([
  ['the root of a read-only kiosk', overlayroot, '/etc/kios/kiosk.yaml', true],
  ['its data partition', overlayroot, '/srv/kios/kiosk.yaml', false],
  ['a folder that only begins with the same letters', overlayroot, '/srv/kiosk.yaml', true],
  ['a container whose upper folder is elsewhere', container, '/etc/kios/kiosk.yaml', false],
  ['a card', onDisk, '/etc/kios/kiosk.yaml', false],
  ['a folder in memory, of which nobody expects it', onDisk, '/tmp/kiosk.yaml', false],
  ['a disk that was mounted above the overlay', `${overlayroot}${onDisk}`, '/etc/x', false],
  ['a machine that tells nothing', '', '/etc/kios/kiosk.yaml', false],
])('%s', (_what, mounts, path, isGone) => {
  expect(isForgotten(mounts, path)).toBe(isGone);
});

test.each([
  ['EROFS', /the disk is read-only/],
  ['EACCES', /run it as root/],
  ['ENOSPC', /^ENOSPC$/],
])('a write that ends with %s says what to do', (code, sentence) => {
  expect(writeFault(Object.assign(new Error(code), { code }))).toMatch(sentence);
});
