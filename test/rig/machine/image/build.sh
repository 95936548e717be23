#!/bin/bash
# Builds one guest: Debian's packages and kernel from the archive that this machine's apt uses, a small initrd, Node and
# the agent, as one ext4 image. Writes into OUT alone, and leaves nothing else behind.
#   build.sh OUT SUITE NODE AGENT     SUITE: bookworm, trixie; NODE, AGENT: the files that the guest runs
set -euo pipefail
readonly out=$1 suite=$2 node=$3 agent=$4
here=$(cd "$(dirname "$0")" && pwd)
readonly here
readonly image_size=2G
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C

tree=$(mktemp -d -p "$out" tree.XXXXXX)
trap 'rm -rf "$tree"' EXIT

packages=(
  linux-image-amd64 busybox-static systemd-sysv udev dbus kmod e2fsprogs # boots
  iproute2 procps openssl                                                # what provisioning and the tests ask for
  gpiod libstdc++6 libusb-1.0-0 libudev1 ca-certificates # what the kiosk and its addons link to
)
# Drivers that no guest of ours can have: two thirds of the kernel's package.
drivers=(
  drivers/{ata,bluetooth,crypto,edac,hwmon,iio,infiniband,isdn,media,mtd,net/ethernet,net/wireless,platform,scsi,staging}
  drivers/gpu/drm/{amd,i915,nouveau,radeon,xe} sound net/{bluetooth,mac80211}
  fs/{btrfs,ceph,cifs,f2fs,gfs2,jfs,nfs,nfsd,ocfs2,smb,xfs}
)
options=()
for path in "${drivers[@]}"; do
  options+=("--dpkgopt=path-exclude=/lib/modules/*/kernel/$path/*" "--dpkgopt=path-exclude=/usr/lib/modules/*/kernel/$path/*")
done
for path in doc man locale; do options+=("--dpkgopt=path-exclude=/usr/share/$path/*"); done

# shellcheck disable=SC2016 # apt's own variable.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
# INITRD=No: Debian's initrd brings all of udev, which costs an emulated machine seconds; initrd.sh makes ours.
INITRD=No mmdebstrap --quiet --mode=root --variant=minbase --include="$(
  IFS=,
  echo "${packages[*]}"
)" --aptopt='Acquire::Languages "none"' "${options[@]}" "$suite" "$tree/root" "$mirror"
"$here/settle.sh" "$tree/root" "$node" "$agent"

release=$(ls "$tree/root/usr/lib/modules" 2>/dev/null || ls "$tree/root/lib/modules")
cp -L "$tree/root/boot/vmlinuz-$release" "$out/vmlinuz"
depmod -b "$tree/root" "$release"
"$here/initrd.sh" "$tree/root" "$release" "$out/initrd"
truncate -s "$image_size" "$out/base.ext4"
mke2fs -q -t ext4 -L rig-root -E lazy_itable_init=0,lazy_journal_init=0 -d "$tree/root" "$out/base.ext4"
