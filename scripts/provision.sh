#!/bin/bash
# Puts the kiosk of this checkout onto a Debian machine as a service. Run it again at any time: it changes only what
# differs, says what it did, and never overwrites a configuration.
set -euo pipefail
umask 022

# What the native parts load: node-hid needs both libraries, TLS needs the certificates.
readonly apt_packages=(libusb-1.0-0 libudev1 ca-certificates)
# What a release consists of, besides its packages.
readonly release_parts=(src drivers config scripts systemd package.json package-lock.json .npmrc)
# The sums of every file of a release, in its folder.
readonly sums=SHA256SUMS

usage() {
  cat <<'END'
Usage: scripts/provision.sh [--dry-run] [--root DIR]

  --dry-run    say what would be done and change nothing
  --root DIR   install into the folder tree DIR (an image, a test) and leave the running system alone

Installs the packages that the kiosk needs, the user kios, udev rules, the unit kios.service, this program under
/opt/kios/releases with the link /opt/kios/current, the command kios, and /etc/kios/kiosk.yaml if there is none.
END
}

fail() {
  printf 'provision: %s\n' "$1" >&2
  exit 1
}

dry_run=0
root=
while (($# > 0)); do
  case $1 in
    --dry-run) dry_run=1 ;;
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
cd "$(dirname "${BASH_SOURCE[0]}")/.." # Only now: --root may be relative to the caller's folder.

changed=0
in_place=0

# act WHAT COMMAND…: does it, or in a dry run only says it.
act() {
  changed=$((changed + 1))
  printf '%s %s\n' "$( ((dry_run)) && echo 'would' || echo '+')" "$1"
  ((dry_run)) || "${@:2}"
}

found() {
  in_place=$((in_place + 1))
  printf '= %s\n' "$1"
}

not_ours() {
  fail "$1 is not what kios puts there: move it away and run this again."
}

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
  ((dry_run || EUID == 0)) || [[ -n $root ]] || fail 'this must be run as root: sudo scripts/provision.sh'
}

install_packages() {
  local package
  local -a missing=()
  for package in "${apt_packages[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  if [[ -n $root ]]; then
    printf '  the image must have the packages %s\n' "${apt_packages[*]}"
  elif ((${#missing[@]} == 0)); then
    found "packages ${apt_packages[*]}"
  else
    act "install the packages ${missing[*]}" apt_install "${missing[@]}"
  fi
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

# put FILE TARGET: a file of ours that follows this checkout.
put() {
  local target=$root$2
  if [[ -L $target || (-e $target && ! -f $target) ]]; then
    not_ours "$2"
  elif cmp -s "$1" "$target"; then
    found "$2"
  else
    act "write $2" install -D -m 0644 "$1" "$target"
  fi
}

# put_link DESTINATION LINK: only a link into a release of ours is led elsewhere.
put_link() {
  local link=$root$2 leads
  leads=$(readlink "$link" || true)
  case $leads in
    "$1")
      found "$2 -> $1"
      return
      ;;
    releases/* | /opt/kios/*) ;;
    *) [[ ! -e $link && ! -L $link ]] || not_ours "$2" ;;
  esac
  act "link $2 -> $1" replace_link "$1" "$link"
}

# By renaming, so that there is no moment without the link.
replace_link() {
  mkdir -p "$(dirname "$2")"
  ln -sfn "$1" "$2.new"
  mv -T "$2.new" "$2"
}

# A release is named by its version and content, so two different programs never share a folder.
release_name() {
  local version sum
  version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
  sum=$(find "${release_parts[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
  printf '%s-%s\n' "$version" "${sum:0:12}"
}

install_release() {
  local place=/opt/kios/releases/$1
  if [[ ! -e $root$place ]]; then
    act "install the program to $place" copy_release "$root$place"
  elif is_whole "$root$place"; then
    found "$place"
  else
    act "install the program to $place again: the one that is there is damaged" copy_release "$root$place"
  fi
  put_link "releases/$1" /opt/kios/current
}

# Cards lose the end of files at a power cut, and packages can be damaged as well as sources.
is_whole() {
  (cd "$1" && sha256sum --check --strict --status "$sums") 2>/dev/null
}

# Built beside its place, on the disk, and renamed at the end.
copy_release() {
  local building=$1.building damaged=$1.damaged
  rm -rf "$building" "$damaged"
  mkdir -p "$building"
  cp -R "${release_parts[@]}" "$building/"
  chmod -R u=rwX,go=rX "$building"
  "$building/scripts/install" --omit=dev
  (cd "$building" && find . -xtype f ! -name "$sums" -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) \
    >"$building/$sums"
  sync -f "$building"
  [[ ! -e $1 ]] || mv -T "$1" "$damaged"
  mv -T "$building" "$1"
  rm -rf "$damaged"
}

install_account() {
  if grep -qs '^kios:' "$root/etc/passwd"; then
    found 'user kios'
  elif ((EUID == 0 || dry_run)); then
    act 'make the user kios' systemd-sysusers --root="$root/" kios.conf
  else
    printf '  the user kios is made at the first boot, by systemd-sysusers\n'
  fi
}

# Mode and group, so that folders which somebody made by hand are put right too.
install_folders() {
  local group config=$root/etc/kios/kiosk.yaml
  group=$(sed -n 's/^kios:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/group" 2>/dev/null || true)
  if has_access "750:$group" "$root/etc/kios" && has_access "700:$group" "$root/var/lib/kios" &&
    { [[ ! -f $config || -L $config ]] || has_access "640:$group" "$config"; }; then
    found '/etc/kios and /var/lib/kios'
  elif ((EUID == 0 || dry_run)); then
    act 'make /etc/kios and /var/lib/kios, for the group kios' apply_tmpfiles
  fi
}

has_access() {
  [[ $(stat -c %a:%g "$2" 2>/dev/null) == "$1" ]]
}

apply_tmpfiles() {
  systemd-tmpfiles --root="$root/" --create kios.conf
}

# The technician's file, or link to a disk that may be absent: written once, and then never again.
install_config() {
  if [[ -e $root/etc/kios/kiosk.yaml || -L $root/etc/kios/kiosk.yaml ]]; then
    found '/etc/kios/kiosk.yaml (left as it is)'
    return
  fi
  config_is_new=1
  act 'write /etc/kios/kiosk.yaml from the example' write_config
}

write_config() {
  install -D -m 0640 config/kiosk.example.yaml "$root/etc/kios/kiosk.yaml"
  ((EUID != 0)) || apply_tmpfiles
}

start_service() {
  if [[ -n $root || ! -d /run/systemd/system ]]; then
    printf '  systemd does not run here: nothing is started\n'
    return
  fi
  if ((changed > 0)); then
    act 'reload systemd' systemctl daemon-reload
    act 'apply the udev rules' apply_rules
  fi
  if ((config_is_new)); then
    printf '  next: edit /etc/kios/kiosk.yaml, then run\n    %s\n    %s\n' \
      'sudo -u kios kios enrol --relay URL --code CODE --state /var/lib/kios' 'sudo systemctl start kios'
  elif ((changed > 0)); then
    act 'restart kios.service' systemctl restart kios.service
  elif systemctl --quiet is-active kios.service; then
    found 'kios.service runs'
  else
    act 'start kios.service' systemctl start kios.service
  fi
}

apply_rules() {
  udevadm control --reload
  udevadm trigger --subsystem-match=input --subsystem-match=hidraw --subsystem-match=usbmisc \
    --subsystem-match=tty --subsystem-match=leds --action=add
}

provision() {
  config_is_new=0
  check_machine
  install_packages
  put systemd/kios.sysusers /etc/sysusers.d/kios.conf
  put systemd/kios.tmpfiles /etc/tmpfiles.d/kios.conf
  put systemd/99-kios.rules /etc/udev/rules.d/99-kios.rules
  put systemd/kios.service /etc/systemd/system/kios.service
  install_account
  install_folders
  install_release "$(release_name)"
  put_link /opt/kios/current/scripts/kios /usr/local/bin/kios
  install_config
  put_link /etc/systemd/system/kios.service /etc/systemd/system/multi-user.target.wants/kios.service
  start_service
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
