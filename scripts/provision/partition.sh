# shellcheck shell=bash
# The data partition that scripts/card makes, and the root that nothing writes to. Sourced.

readonly data_label=kios-data
readonly data_folder=/srv/kios
readonly state_folder=/var/lib/kios
readonly root_folder=/var/lib/kios-root
readonly state_part=/etc/tmpfiles.d/kios-state.conf
# nofail, and a short wait: a kiosk without its data starts, says so on its screen and does not sell.
readonly data_mount="LABEL=$data_label $data_folder ext4 noatime,nofail,x-systemd.device-timeout=10s 0 2"
readonly overlay_part=/etc/overlayroot.local.conf
# Gone at the next boot, which shall be by the overlay.
readonly awaited=/run/kios-overlay-awaited
readonly bound="none bind,nofail,x-systemd.requires-mounts-for=$data_folder 0 0"

# Where the journal lies: in the state folder itself, or on the data partition.
place_state() {
  if ((on_data)); then
    check_data
    leave_state_folder
    leave_root_folder
    put systemd/kios-on-data.conf /etc/systemd/system/kios.service.d/data.conf
    put systemd/kios-data.service /etc/systemd/system/kios-data.service
    put_link /etc/systemd/system/kios-data.service /etc/systemd/system/local-fs.target.wants/kios-data.service
    mount_data
  else
    put systemd/kios-state.tmpfiles "$state_part"
  fi
}

# A journal is never left behind: it may be the only proof of somebody's money.
check_data() {
  if booted && [[ -z $(blkid -L "$data_label" || true) ]]; then
    fail "there is no partition $data_label: prepare the card with scripts/card, before its first boot."
  fi
  [[ -L $root$state_folder || -z $(ls -A "$root$state_folder" 2>/dev/null || true) ]] ||
    fail "$state_folder holds a journal: move its files to the folder state of $data_label first."
}

# StateDirectory= would make an empty journal where the partition is missing. A link that leads nowhere is none.
leave_state_folder() {
  if [[ $(readlink "$root$state_folder" || true) == "$data_folder/state" ]]; then
    found "$state_folder -> $data_folder/state"
  elif [[ -L $root$state_folder ]]; then
    not_ours "$state_folder"
  else
    act "link $state_folder -> $data_folder/state" link_state
  fi
}

link_state() {
  rm -f "$root$state_part"
  [[ ! -d $root$state_folder ]] || rmdir "$root$state_folder"
  remember state "$data_folder/state"
  replace_link "$data_folder/state" "$state_folder"
}

# What root remembers, and the releases that updates bring: /etc and /opt may not be written to any more.
leave_root_folder() {
  if [[ $(readlink "$root$root_folder" || true) == "$data_folder/root" ]]; then
    found "$root_folder -> $data_folder/root"
  else
    act "link $root_folder -> $data_folder/root" link_root_folder
  fi
}

link_root_folder() {
  remember tree "$data_folder/root"
  remember tree "$data_folder/releases"
  remember link "$data_folder/good"
  remember link "$data_folder/current"
  rm -rf "$root${root_folder:?}"
  replace_link "$data_folder/root" "$root_folder"
}

mount_data() {
  local folder
  for folder in "$data_folder" /var/log/journal /var/lib/systemd/timesync; do
    [[ -d $root$folder ]] || act "make $folder" make_folders "$folder"
  done
  add_line /etc/fstab "$data_mount"
  add_line /etc/fstab "$data_folder/log /var/log/journal $bound"
  add_line /etc/fstab "$data_folder/clock /var/lib/systemd/timesync $bound"
}

# Enrolment writes its key there, before the next boot mounts it.
mount_data_now() {
  if mountpoint --quiet "$data_folder"; then
    found "$data_folder is mounted"
  else
    act "mount $data_folder" systemctl start srv-kios.mount kios-data.service \
      var-log-journal.mount var-lib-systemd-timesync.mount
  fi
}

# scripts/card gives the root's partition its size, and not every release of Raspberry Pi OS grows the filesystem by itself.
grow_root() {
  local device filesystem partition
  booted && [[ -d /boot/firmware && $(findmnt -no FSTYPE /) == ext4 ]] || return 0
  device=$(findmnt -no SOURCE /)
  partition=$(blockdev --getsize64 "$device")
  filesystem=$(LC_ALL=C tune2fs -l "$device" | sed -n 's/^Block count: *//p;s/^Block size: */*/p' | tr -d '\n')
  ((partition - filesystem < 16 * 1024 * 1024)) || act "grow the root filesystem to its partition" resize2fs "$device"
}

# The overlay itself is made by the initramfs, from the next boot on.
make_root_read_only() {
  install_packages overlay overlayroot
  put systemd/kios-overlayroot.conf "$overlay_part"
  put systemd/kios-remount.conf /etc/systemd/system/systemd-remount-fs.service.d/kios.conf
  booted || return 0
  make_initramfs
  ((dry_run)) || : >"$awaited"
  printf '  after the next boot / must be an overlay: run this again with --dry-run, and it says so\n'
}

# Of the kernel that runs: by itself update-initramfs takes the newest one alone, and none where there was none.
make_initramfs() {
  local kernel
  kernel=$(uname -r)
  if makes_overlay "$kernel"; then
    found "/boot/initrd.img-$kernel, with overlayroot"
  else
    act "make /boot/initrd.img-$kernel, with overlayroot" make_initramfs_of "$kernel"
  fi
}

make_initramfs_of() {
  update-initramfs -u -k "$1" >/dev/null
  makes_overlay "$1" || fail "there is no overlayroot in /boot/initrd.img-$1: update-initramfs -u -k $1 says why."
}

makes_overlay() {
  [[ -f /boot/initrd.img-$1 ]] && lsinitramfs "/boot/initrd.img-$1" | grep '/init-bottom/overlayroot$' >/dev/null
}

# What is written to an overlay is gone at the next boot: such a run would only seem to have worked. A boot without the
# overlay that should have it is a fault; a run that is more than a look may be what mends it.
check_root() {
  [[ -f $overlay_part && -z $root ]] || return 0
  if [[ $(findmnt -no FSTYPE /) == overlay ]]; then
    ((only_look)) ||
      fail '/ is an overlay: nothing that is written here stays. Boot once with overlayroot=disabled on the kernel command line.'
    found '/ is an overlay: nothing writes to the card'
  elif grep -qw overlayroot=disabled /proc/cmdline; then
    printf '  / is no overlay in this boot, as its command line says\n'
  elif [[ -f $awaited ]]; then
    printf '  / is an overlay from the next boot on\n'
  elif ((only_look)); then
    fail "$(no_overlay)"
  else
    printf '  %s\n' "$(no_overlay)"
  fi
}

no_overlay() {
  local log=/run/initramfs/overlayroot.log
  if [[ -f $log ]]; then
    printf '/ is NOT an overlay, although this boot began with overlayroot: %s says why.' "$log"
  else
    printf '/ is NOT an overlay: this boot did not begin with /boot/initrd.img-%s. ' "$(uname -r)"
    printf 'Does the boot loader load it? Raspberry Pi OS: auto_initramfs=1 in /boot/firmware/config.txt.'
  fi
}
