#!/bin/bash
# Takes back all that provision.sh has made, by its record, and leaves the system as it was. It never takes a journal
# along by itself: that may be the only proof of somebody's money.
set -euo pipefail
# Debian's `su` leaves a user's PATH, without the folders where groupdel and sfdisk are.
PATH=$PATH:/usr/sbin:/sbin

usage() {
  cat <<'END'
Usage: scripts/unprovision.sh [--dry-run] [--root DIR] [--keep-journal | --delete-journal]

  --keep-journal     leave the journal, the key of this kiosk and their owner, the user kios, where they are
  --delete-journal   delete them as well: claims that the relay does not know yet are lost
  --dry-run          say what would be done and change nothing
  --root DIR         a folder tree that provision.sh --root has made

What somebody else has put into a folder of kios stays, and is named.
END
}

fail() {
  printf 'unprovision: %s\n' "$1" >&2
  exit 1
}

dry_run=0
journal=ask
root=
while (($# > 0)); do
  case $1 in
    --dry-run) dry_run=1 ;;
    --keep-journal) journal=keep ;;
    --delete-journal) journal=delete ;;
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

readonly record=/var/lib/kios-provision/made
readonly data_folder=/srv/kios
readonly pi_words=/boot/firmware/cmdline.txt
removed=0

act() {
  removed=$((removed + 1))
  printf '%s %s\n' "$( ((dry_run)) && echo 'would' || echo '-')" "$1"
  ((dry_run)) || "${@:2}"
}

booted() {
  [[ -z $root && -d /run/systemd/system ]]
}

# The programs stop before their files go: first what listens for requests, then what obeys one, which may be in the middle
# of an update and would write its folders again or start the kiosk anew; then the kiosk. The text console gets its screen
# back.
stop_all() {
  local console
  systemctl stop kios-{update,clock,net,console}.path
  systemctl stop kios-{update,clock,net,console-switch}.service
  systemctl stop kios-getty.service kios.service kios-console.service
  for console in /sys/class/vtconsole/vtcon*; do
    if grep -q 'frame buffer' "$console/name"; then echo 1 >"$console/bind"; fi
  done
}

# The log of the system goes back to where it was.
unmount_data() {
  local folder
  systemctl stop kios-data.service
  for folder in /var/lib/systemd/timesync /var/log/journal "$data_folder"; do
    if mountpoint --quiet "$folder"; then umount --lazy "$folder"; fi
  done
  systemctl restart systemd-journald.service
}

# take_back KIND NAME
take_back() {
  local path=$root$2
  case $1 in
    file | link) [[ ! -e $path && ! -L $path ]] || act "remove $2" rm -f "$path" ;;
    tree) [[ ! -d $path ]] || act "remove $2 and all in it" rm -rf "$path" ;;
    folder) [[ ! -d $path ]] || take_folder "$2" ;;
    state) take_state "$2" ;;
    word) take_word "$2" ;;
    line) take_line "${2%% *}" "${2#* }" ;;
    deb) debs+=("$2") ;;
    user) [[ $journal == keep ]] || take_account passwd "$2" userdel ;;
    group) [[ $journal == keep ]] || take_account group "$2" groupdel ;;
    *) printf '  not known to this version: %s %s\n' "$1" "$2" ;;
  esac
}

take_folder() {
  local path=$root$1
  if ((dry_run)) || [[ -z $(ls -A "$path") ]]; then
    act "remove $1" rmdir "$path"
  else
    printf '  %s stays: it holds %s\n' "$1" "$(cd "$path" && printf '%s ' *)"
  fi
}

take_state() {
  local path=$root$1
  [[ -d $path ]] || return 0
  if [[ -z $(ls -A "$path") ]]; then
    act "remove $1" rmdir "$path"
  elif [[ $journal == delete ]]; then
    act "delete the journal in $1" rm -rf "$path"
  else
    printf '  %s stays, with the journal\n' "$1"
  fi
}

take_word() {
  local file=$root$pi_words line
  [[ -f $file ]] || return 0
  IFS= read -r line <"$file" || true
  [[ " $line " == *" $1 "* ]] || return 0
  line=" $line "
  line=${line/ $1 / }
  line=${line# }
  act "remove from $pi_words: $1" replace_text "$file" "${line% }"
}

take_line() {
  local file=$root$1
  grep -Fqxs "$2" "$file" || return 0
  act "remove from $1: $2" replace_text "$file" "$(grep -Fvx "$2" "$file" || true)"
}

# By renaming: a torn fstab or command line does not boot.
replace_text() {
  cp -p "$1" "$1.kios"
  if [[ -n $2 ]]; then printf '%s\n' "$2" >"$1.kios"; else : >"$1.kios"; fi
  sync "$1.kios"
  mv -T "$1.kios" "$1"
}

# take_account FILE NAME PROGRAM
take_account() {
  ! grep -qs "^$2:" "$root/etc/$1" || act "remove $2 from /etc/$1" "$3" --prefix "${root:-/}" "$2"
}

check() {
  [[ -f $root$record ]] || fail 'nothing was provisioned here: there is no record of it.'
  ((dry_run)) || [[ -n $root || $(findmnt -no FSTYPE /) != overlay || ! -f /etc/overlayroot.local.conf ]] ||
    fail '/ is an overlay: what is taken back would be there again. Boot once with overlayroot=disabled on the kernel command line.'
  ((dry_run || EUID == 0)) || [[ -n $root ]] || fail 'this must be run as root: sudo scripts/unprovision.sh'
  if [[ $journal == ask && -n $(ls -A "$root/var/lib/kios/" 2>/dev/null || true) ]]; then
    fail 'there is a journal in /var/lib/kios: say --keep-journal or --delete-journal.'
  fi
}

# take_all LINE…
take_all() {
  local line kind name
  for line in "$@"; do
    read -r kind name <<<"$line"
    take_back "$kind" "$name"
  done
}

# The lines are kept in memory: the record itself goes before the folder that holds it. What lies on the data partition
# goes while that is mounted, and where it was mounted is a folder only afterwards.
unprovision() {
  local -a made on_data elsewhere debs=()
  check
  mapfile -t made < <(tac "$root$record")
  mapfile -t on_data < <(printf '%s\n' "${made[@]}" | grep -E "^(state|tree|link) $data_folder/" || true)
  mapfile -t elsewhere < <(printf '%s\n' "${made[@]}" | grep -Ev "^(state|tree|link) $data_folder/" || true)
  ! booted || act 'stop kios' stop_all
  take_all "${on_data[@]}"
  if booted && mountpoint --quiet "$data_folder"; then act 'let go of the data partition' unmount_data; fi
  take_all "${elsewhere[@]}"
  # In one step: some depend on others.
  ((${#debs[@]} == 0)) || act "remove the packages ${debs[*]}" dpkg --purge "${debs[@]}"
  act "remove $record" rm -rf "$root${record%/*}"
  if booted; then
    act 'remove /run/kios-ask' rm -rf /run/kios-ask /run/kios-overlay-awaited
    act 'reload systemd and udev' reload
    printf '  reboot: the kernel command line and the watchdog are read only then\n'
  fi
  printf 'unprovision: %d taken back.\n' "$removed"
}

reload() {
  systemctl daemon-reload
  udevadm control --reload
  if [[ -f /etc/default/grub ]] && command -v update-grub >/dev/null; then update-grub 2>/dev/null; fi
}

unprovision
