#!/bin/bash
# Puts kios onto a Debian machine as a service: from a bundle, without internet, or from a checkout. Run it again at any
# time: it changes only what differs, says what it did, and never overwrites a configuration.
set -euo pipefail
# Debian's `su` leaves a user's PATH, without the folders where groupdel and sfdisk are.
PATH=$PATH:/usr/sbin:/sbin
umask 022

usage() {
  cat <<'END'
Usage: provision.sh --bundle FILE --key FILE [more]     from a bundle (this file and the key came apart from it)
       scripts/provision.sh [more]                      from a checkout

  --bundle FILE       kios-<version>-linux-<arch>.tar.gz, with FILE.sig beside it
  --key FILE          the public key that must have signed it; later bundles are checked by the one that was installed
  --operator-key FILE the public key that signs a Wi-Fi for a kiosk that is not enrolled yet
  --dry-run           say what would be done and change nothing
  --panel NAME:WxH    the panel, as HDMI-A-1:1024x600: it has a picture also when it was dark at boot
  --data              keep journal, log and clock on the partition that scripts/card has made
  --read-only-root    with --data: nothing writes to the root of the card any more
  --root DIR          install into the folder tree DIR (an image, a test) and leave the running system alone

Installs the packages that the kiosk needs, the user kios, udev rules, units, the program under /opt/kios/releases with
the link /opt/kios/current, the command kios, and /etc/kios/kiosk.yaml if there is none. Closes every way from a keyboard
to a shell, limits the log, sets the hardware watchdog where there is none. scripts/unprovision.sh takes all of it back.
END
}

fail() {
  printf 'provision: %s\n' "$1" >&2
  exit 1
}

bundle=
key=
operator_key=
panel=
dry_run=0
on_data=0
read_only_root=0
verified=0
root=
given=("$@")
while (($# > 0)); do
  case $1 in
    --bundle | --key)
      [[ -f ${2:-} ]] || fail "$1 needs a file that exists."
      declare "${1#--}=$(readlink -f "$2")"
      shift
      ;;
    --operator-key)
      [[ -f ${2:-} ]] || fail '--operator-key needs a file that exists.'
      operator_key=$(readlink -f "$2")
      shift
      ;;
    --panel)
      [[ ${2:-} =~ ^[A-Za-z]+(-[A-Z])?-[0-9]:[0-9]{3,4}x[0-9]{3,4}$ ]] || fail '--panel needs something like HDMI-A-1:1024x600.'
      panel=$2
      shift
      ;;
    --dry-run) dry_run=1 ;;
    --data) on_data=1 ;;
    --read-only-root) read_only_root=1 ;;
    # Said by this script to the one in the bundle, after it has verified the bundle.
    --verified) verified=1 ;;
    --root)
      [[ -d ${2:-} ]] || fail '--root needs a folder that exists.'
      root=$(cd "$2" && pwd)
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) fail "there is no option $1; see --help." ;;
  esac
  shift
done
only_look=$dry_run

# Nothing inside of a bundle is used before its signature is known to be good, and what is checked is a copy that nobody
# else can change. The Node inside could not prove anything: it would be the forger's.
from_bundle() {
  local installed=$root/etc/kios/release.pub
  command -v openssl >/dev/null || fail 'there is no openssl, so the bundle cannot be checked: install it first.'
  [[ -n $key ]] || { [[ -f $installed ]] && key=$installed; } ||
    fail '--bundle needs --key FILE: the public key, which must not come with the bundle.'
  openssl pkey -pubin -in "$key" -noout -text 2>/dev/null | grep -q '^ED25519' || fail "$key is no public Ed25519 key."
  [[ -f $bundle.sig ]] || fail "there is no signature $bundle.sig."
  unpacked=$(mktemp -d -p "${TMPDIR:-/var/tmp}" kios-bundle.XXXXXX)
  trap 'rm -rf "$unpacked"' EXIT
  cp "$bundle" "$unpacked/bundle"
  openssl pkeyutl -verify -rawin -pubin -inkey "$key" -sigfile "$bundle.sig" -in "$unpacked/bundle" >/dev/null 2>&1 ||
    fail "the signature of $bundle is not by $key: do not use it."
  mkdir "$unpacked/release"
  tar --extract --gzip --strip-components=1 --no-same-owner --file="$unpacked/bundle" --directory="$unpacked/release"
  rm "$unpacked/bundle"
  "$unpacked/release/scripts/provision.sh" --verified --key "$key" "${given[@]}"
}

if [[ -n $bundle ]] && ! ((verified)); then
  from_bundle
  exit
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.." # Only now: files may be named from the caller's folder.
[[ -f scripts/provision/changes.sh ]] ||
  fail 'this file alone is no checkout: name a bundle with --bundle FILE --key FILE (--help says more).'
source scripts/provision/changes.sh
source scripts/provision/packages.sh
source scripts/provision/release.sh
source scripts/provision/account.sh
source scripts/provision/boot.sh
source scripts/provision/partition.sh
! is_bundle || ((verified)) ||
  fail 'this is an unpacked bundle that nobody has verified: use --bundle FILE --key FILE with the archive itself.'

# What the native parts load: node-hid needs both libraries; gpiomon reads a drop sensor. TLS needs none: Node brings its
# own certificates.
readonly apt_packages=(libusb-1.0-0 libudev1 gpiod)

# What the kiosk asks root for, each by a unit of its own; those that are also enabled are paths, and what boot needs.
# kios-console.service is started by the rules of udev.
readonly root_units=(
  kios-update.path kios-clock.path kios-net.path kios-console.path
  kios-update.service kios-clock.service kios-net.service kios-console-switch.service
)
readonly enabled_units=(
  kios.service kios-update.path kios-clock.path kios-net.path kios-console.path
  kios-clock.service kios-net.service
)

check_machine() {
  local release=$root/etc/os-release architecture
  if [[ -f $release ]]; then
    grep -Eq '^ID(_LIKE)?=.*debian' "$release" ||
      fail 'this is not Debian or Raspberry Pi OS; kios is installed on those alone.'
  elif [[ -z $root ]]; then
    fail 'there is no /etc/os-release; kios is installed on Debian or Raspberry Pi OS alone.'
  fi
  # dpkg, not uname: Raspberry Pi OS 32-bit runs below a 64-bit kernel.
  architecture=$(dpkg --print-architecture)
  case $architecture in
    arm64 | amd64) ;;
    arm*) fail 'this system is 32-bit ARM, for which there is no Node 24; install the 64-bit Raspberry Pi OS.' ;;
    *) fail "this system is $architecture; kios runs on arm64 and amd64." ;;
  esac
  ! is_bundle || [[ -d node_modules/node-linux-${architecture/amd64/x64} ]] ||
    fail "this bundle is for another machine; take the one for ${architecture/amd64/x64}."
  ((dry_run || EUID == 0)) || [[ -n $root ]] || fail 'this must be run as root: sudo scripts/provision.sh'
  # One that was put onto its data partition stays there.
  [[ ! -L $root/var/lib/kios ]] || on_data=1
  ((!read_only_root || on_data)) || fail '--read-only-root needs --data: the journal must lie on another partition.'
  check_root
}

install_units() {
  local unit
  put systemd/kios.sysusers /etc/sysusers.d/kios.conf
  put systemd/kios.tmpfiles /etc/tmpfiles.d/kios.conf
  put systemd/kios-journald.conf /etc/systemd/journald.conf.d/60-kios.conf
  put systemd/kios-ask.tmpfiles /etc/tmpfiles.d/kios-ask.conf
  for unit in kios.service kios-console.service kios-getty.service "${root_units[@]}"; do
    put "systemd/$unit" "/etc/systemd/system/$unit"
  done
}

start_service() {
  if ! booted; then
    printf '  systemd does not run here: nothing is started\n'
    return
  fi
  if ((changed > 0)); then
    act 'reload systemd' systemctl daemon-reload
    ((!on_data)) || mount_data_now
    act 'apply the udev rules' apply_rules
    act 'apply the limits of the log' systemctl restart systemd-journald
    act 'close the console' close_console_now
    act 'hear what the kiosk asks of root' hear_requests
  fi
  if ((config_is_new)); then
    printf '  next: edit /etc/kios/kiosk.yaml, then run\n    %s\n    %s\n' \
      'sudo -u kios kios enrol --relay URL --code CODE --state /var/lib/kios' 'sudo systemctl start kios'
  elif ((changed > 0)); then
    act 'restart kios.service' start_kiosk restart
  elif systemctl --quiet is-active kios.service; then
    found 'kios.service runs'
  else
    act 'start kios.service' start_kiosk start
  fi
}

# One that does not start, such as one that is not enrolled yet, is no fault of what was provisioned.
start_kiosk() {
  systemctl "$1" kios.service 2>/dev/null ||
    printf '  kios.service does not start: sudo journalctl -u kios -n 20 says why\n'
}

apply_rules() {
  udevadm control --reload
  udevadm trigger --subsystem-match=input --subsystem-match=hidraw --subsystem-match=usbmisc \
    --subsystem-match=usb --subsystem-match=tty --subsystem-match=leds --subsystem-match=graphics --action=add
}

hear_requests() {
  systemd-tmpfiles --create kios-ask.conf
  systemctl start kios-update.path kios-clock.path kios-net.path kios-console.path
}

close_console_now() {
  sysctl --quiet --load=/etc/sysctl.d/90-kios.conf
  systemctl stop getty@tty1.service
  [[ ! -e /sys/class/graphics/fb0 ]] || { udevadm settle && systemctl start kios-console.service; }
}

provision() {
  local unit
  config_is_new=0
  check_machine
  grow_root
  install_packages base "${apt_packages[@]}"
  install_units
  close_console
  set_boot_words
  install_account
  # Not before: udev reads rules as soon as they are there, and passes over a group that is not.
  put systemd/99-kios.rules /etc/udev/rules.d/99-kios.rules
  place_state
  install_folders
  [[ -z $key ]] || put "$key" /etc/kios/release.pub
  [[ -z $operator_key ]] || put "$operator_key" /etc/kios/operator.pub
  install_release "$(release_name)"
  put_link /opt/kios/run /usr/local/bin/kios
  install_config
  for unit in "${enabled_units[@]}"; do
    put_link "/etc/systemd/system/$unit" "/etc/systemd/system/multi-user.target.wants/$unit"
  done
  ((!read_only_root)) || make_root_read_only
  start_service
  set_watchdog
}

# A run that will be refused is refused before its first change.
rehearse() {
  local dry_run=1 changed=0 in_place=0
  provision >/dev/null
}

((dry_run)) || rehearse
provision

if ((dry_run)); then
  printf 'provision: %d would change, %d in place; nothing was touched.\n' "$changed" "$in_place"
else
  printf 'provision: %d changed, %d in place.\n' "$changed" "$in_place"
fi
