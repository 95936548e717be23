// qemu's command line: the hardware of a guest. It is part of the recipe: a saved state resumes only on the same hardware.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** How many USB sockets a guest has: whoever connects to `usb-N` in its folder is plugged into port N. */
export const usbPorts = 6;
export const screen = { width: 800, height: 480 } as const;
/** Where a guest finds the servers of this machine that it may reach. */
export const hostSeenFromGuest = '10.0.2.100';

/** A second disk whose power can be cut; with `log` each write and flush of it is recorded there. */
export interface SecondDisk {
  file: string;
  log?: string;
}

/** What a boot loader would have taken from the guest's disk. */
export interface OwnStart {
  /** A file of this machine: the initrd that the guest has made. */
  initrd: string;
  /** Of the kernel's command line, in place of `rw`. */
  words: readonly string[];
}

/** Folders of this machine that a guest finds under /mnt: the checkout, and one of its own. */
export const shareTags = ['host', 'run'] as const;
type ShareTag = (typeof shareTags)[number];

export interface Hardware {
  /** Kernel and initrd. */
  image: string;
  /** Sockets and logs of this guest. */
  folder: string;
  disk: string;
  dataDisk: SecondDisk;
  /** Ports of this machine's loopback; the guest reaches no other. */
  reachable: readonly number[];
  /** What the guest may mount, read-only: the tags are those of `shares`. */
  shares: Readonly<Record<ShareTag, string>>;
  /** A saved state to resume. */
  state?: string;
  start?: OwnStart;
}

export const sockets = (folder: string): { monitor: string; agent: string } => ({
  monitor: join(folder, 'qmp'),
  agent: join(folder, 'agent'),
});
export const usbSocket = (folder: string, port: number): string => join(folder, `usb-${port}`);

/**
 * Whether this machine runs an unchanged guest under KVM at speed. The node alone proves nothing: kvm_pvm needs guests
 * built for it, and crawls with others.
 */
export function kvmUsable(): boolean {
  return (
    existsSync('/dev/kvm') &&
    !existsSync('/sys/module/kvm_pvm') &&
    /\b(vmx|svm)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  );
}

/** The whole command line behind `qemu-system-x86_64`. */
export function qemuLine(hardware: Hardware): string[] {
  const { folder, reachable, shares, state } = hardware;
  const at = sockets(folder);
  const socket = (id: string, path: string): string[] => [
    ...['-chardev', `socket,id=${id},path=${path},server=on,wait=off`],
  ];
  const numbers = Array.from({ length: usbPorts }, (_, index) => index + 1);
  const forwards = reachable.map(
    (port) => `,guestfwd=tcp:${hostSeenFromGuest}:${port}-cmd:socat - TCP:127.0.0.1:${port}`,
  );
  return [
    ...processor(),
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-device', `bochs-display,xres=${screen.width},yres=${screen.height},edid=on`],
    ...kernel(hardware),
    ...disks(hardware),
    ...['-serial', `file:${join(folder, 'console.log')}`],
    ...[...socket('qmp', at.monitor), '-mon', 'chardev=qmp,mode=control'],
    ...['-device', 'virtio-serial-pci', ...socket('agent', at.agent)],
    ...['-device', 'virtserialport,chardev=agent,name=rig.agent'],
    ...['-netdev', `user,id=net0,restrict=on${forwards.join('')}`],
    ...['-device', 'virtio-net-pci,netdev=net0,id=nic0'],
    ...[
      '-object',
      'rng-random,filename=/dev/urandom,id=rng0',
      '-device',
      'virtio-rng-pci,rng=rng0',
    ],
    ...['-device', 'qemu-xhci,id=xhci,p2=12,p3=1'],
    ...['-device', 'i6300esb,id=watchdog', '-watchdog-action', 'reset'],
    ...numbers.flatMap((n) => [
      ...socket(`usb${n}`, usbSocket(folder, n)),
      ...['-device', `usb-redir,id=usb${n},chardev=usb${n},bus=xhci.0,port=${n}`],
    ]),
    ...(state === undefined ? [] : ['-incoming', `exec:cat ${state}`]),
    ...Object.entries(shares).flatMap(([tag, path]) => [
      '-virtfs',
      `local,path=${path},mount_tag=${tag},security_model=none,readonly=on,multidevs=remap`,
    ]),
  ];
}

/** Emulated, a guest boots faster as an old processor than with all that qemu can do. */
function processor(): string[] {
  const accelerated = kvmUsable()
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg,thread=multi,tb-size=512', '-cpu', 'Nehalem'];
  return ['-machine', 'q35', '-m', '1024', '-smp', '2', ...accelerated];
}

function kernel({ image, start }: Hardware): string[] {
  const { initrd, words: own } = start ?? { initrd: join(image, 'initrd'), words: ['rw'] };
  const words = [
    ...['root=/dev/vda', ...own, 'console=ttyS0', 'quiet', 'systemd.show_status=0'],
    ...['net.ifnames=1', 'panic=1', 'mitigations=off'],
  ];
  return [
    ...['-kernel', join(image, 'vmlinux'), '-initrd', initrd],
    ...['-append', words.join(' ')],
  ];
}

function disks({ disk, dataDisk }: Hardware): string[] {
  const raw = { driver: 'raw', file: { driver: 'file', filename: dataDisk.file } };
  const logged = {
    driver: 'blklogwrites',
    'node-name': 'data',
    file: { ...raw, 'node-name': 'data-raw' },
    log: { driver: 'file', filename: dataDisk.log },
    'log-sector-size': 512,
    'log-super-update-interval': 1,
  };
  const plain = { ...raw, 'node-name': 'data' };
  return [
    ...['-drive', `file=${disk},if=none,id=root,format=qcow2,cache=writeback,discard=unmap`],
    ...['-device', 'virtio-blk-pci,drive=root,serial=root'],
    ...['-blockdev', JSON.stringify(dataDisk.log === undefined ? plain : logged)],
    ...['-device', 'virtio-blk-pci,drive=data,serial=data,id=datadisk'],
  ];
}
