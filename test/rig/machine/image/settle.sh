#!/bin/bash
# Makes a guest of a root folder: host name, network, console, Node, and the agent that the tests speak with.
#   settle.sh ROOT NODE AGENT
set -euo pipefail
readonly root=$1 node=$2 agent=$3
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$root/opt/rig" "$root/mnt/host" "$root/mnt/run" "$root/data"
install -m 0755 "$node" "$root/usr/local/bin/node"
install -m 0644 "$agent" "$root/opt/rig/agent.mjs"
install -m 0644 "$here/rig-agent.unit" "$root/etc/systemd/system/rig-agent.service"
printf 'rig\n' >"$root/etc/hostname"
printf '127.0.0.1 localhost rig\n' >"$root/etc/hosts"
printf 'LABEL=rig-root / ext4 rw,relatime 0 1\n' >"$root/etc/fstab"
mkdir -p "$root/etc/systemd/network" "$root/var/log/journal" "$root/etc/systemd/journald.conf.d"
printf '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n' >"$root/etc/systemd/network/10-rig.network"
printf '[Journal]\nStorage=persistent\nSystemMaxUse=64M\nRateLimitBurst=0\n' >"$root/etc/systemd/journald.conf.d/rig.conf"
# One watchdog, the i6300esb: q35's own does not reset by default. No KVM inside of the guest.
printf 'blacklist iTCO_wdt\nblacklist lpc_ich\nblacklist kvm_intel\nblacklist kvm_amd\n' >"$root/etc/modprobe.d/rig.conf"
# By its port, whenever that comes: a unit that waits for a device gives up after a minute and a half, and a busy host
# takes longer to boot a guest.
printf 'SUBSYSTEM=="virtio-ports", ATTR{name}=="rig.agent", ENV{SYSTEMD_WANTS}+="rig-agent.service"\n' \
  >"$root/etc/udev/rules.d/99-rig.rules"
chroot "$root" systemctl --quiet enable systemd-networkd.service
for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer e2scrub_reap.service \
  dpkg-db-backup.timer systemd-timesyncd.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
chroot "$root" passwd --quiet --delete root
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
