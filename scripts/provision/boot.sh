# shellcheck shell=bash
# What is set before the system runs: no way from a customer's keyboard to a shell, the kernel's command line, the
# hardware watchdog. Sourced.

# Raspberry Pi OS 12 and 13; elsewhere GRUB.
readonly pi_words=/boot/firmware/cmdline.txt
readonly grub_part=/etc/default/grub.d/kios.cfg
# Its menu answers a keyboard: e, init=/bin/sh and Enter are a root shell. With a timeout of 0 the style `menu` looks at no
# key; `hidden` opens the menu where Esc is held (GRUB 2.06, grub-core/normal/menu.c; tried with grub-emu).
readonly grub_closed=(
  GRUB_TIMEOUT=0 GRUB_TIMEOUT_STYLE=menu GRUB_RECORDFAIL_TIMEOUT=0 GRUB_DISABLE_RECOVERY=true
)
readonly watchdog_part=/etc/systemd/system.conf.d/60-kios-watchdog.conf

close_console() {
  local unit
  put systemd/kios-logind.conf /etc/systemd/logind.conf.d/60-kios.conf
  put systemd/kios-manager.conf /etc/systemd/system.conf.d/60-kios.conf
  put systemd/kios.sysctl /etc/sysctl.d/90-kios.conf
  for unit in getty@tty1.service autovt@.service ctrl-alt-del.target; do mask "$unit"; done
  tell_root_password
  tell_network_install
}

# With a password somebody at a keyboard can reach the emergency shell; whether root has one is the operator's to say.
tell_root_password() {
  local hash
  hash=$(sed -n 's/^root:\([^:]*\):.*/\1/p' "$root/etc/shadow" 2>/dev/null || true)
  case $hash in
    '!'* | '*'*) found 'root is locked' ;;
    *) printf '  root is not locked: sudo passwd --lock root\n' ;;
  esac
}

# Since Pi 4 the boot loader looks for Shift on a keyboard, and then puts another system onto the card. That is set in the
# board, which a power cut while it is written leaves without a boot loader: a person's to do. What is older, or no Pi, has no settings,
# and a Compute Module installs nothing unless it is told to.
tell_network_install() {
  local settings
  booted || return 0
  settings=$(rpi-eeprom-config 2>/dev/null || true)
  [[ -n $settings ]] || return 0
  if ! grep -Eq '^NET_INSTALL_(ENABLED|AT_POWER_ON)=1' <<<"$settings" &&
    { grep -q '^NET_INSTALL_ENABLED=0' <<<"$settings" || grep -aqs 'Compute Module' "$root/proc/device-tree/model"; }; then
    found 'the boot loader installs nothing from the network'
  else
    printf '  the boot loader lets a keyboard replace the card'\''s system: %s\n' \
      'sudo -E rpi-eeprom-config --edit, NET_INSTALL_ENABLED=0, no line NET_INSTALL_AT_POWER_ON=1, reboot'
  fi
}

# panel is CONNECTOR:WIDTHxHEIGHT: without it a panel that is dark at boot has no picture until the next one.
set_boot_words() {
  local -a words=(sysctl.kernel.sysrq=0)
  has_panic || words+=(panic=10)
  [[ -z $panel ]] || words+=("video=${panel}M@60D")
  if [[ -f $root$pi_words ]]; then
    local old word
    for word in "${words[@]}"; do
      old=$(remembered word | grep "^${word%%:*}" | grep -Fvx "$word" || true)
      set_pi_word "$word" "$old"
    done
  elif [[ -d $root/etc/default/grub.d || -f $root/etc/default/grub ]]; then
    set_grub_words "${words[*]}"
  else
    printf '  the kernel command line is not known here; add to it: %s\n' "${words[*]}"
  fi
}

# With panic= the initramfs reboots where it would open a root shell, because root is not there. One of somebody else is
# left: of two the kernel would obey the last.
has_panic() {
  local file
  local -a files=("$root$pi_words")
  [[ -f ${files[0]} ]] || files=("$root/etc/default/grub" "$root"/etc/default/grub.d/*.cfg)
  for file in "${files[@]}"; do
    [[ $file == "$root$grub_part" ]] || ! grep -Eqs "^([^#]*[ =\"'])?panic=" "$file" || return 0
  done
  return 1
}

# set_pi_word WORD OLD: OLD is what an earlier run wrote in its place.
set_pi_word() {
  if grep -Eq "(^| )${1//./\\.}( |\$)" "$root$pi_words"; then
    found "$pi_words: $1"
  else
    act "add to $pi_words: $1" change_pi_words "$1" "$2"
  fi
}

# The file is one line. Replaced by renaming: a torn one does not boot.
change_pi_words() {
  local line file=$root$pi_words
  IFS= read -r line <"$file" || true
  line=" $line "
  if [[ -n $2 ]]; then
    line=${line/ $2 / }
    forget word "$2"
  fi
  line=${line# }
  remember word "$1"
  printf '%s%s\n' "$line" "$1" >"$file.kios"
  sync "$file.kios"
  mv -T "$file.kios" "$file"
}

# A run without --panel leaves the panel of an earlier one.
set_grub_words() {
  local wanted=$1 text
  [[ -n $panel ]] || wanted+=$(sed -n 's/.*\( video=[^" ]*\).*/\1/p' "$root$grub_part" 2>/dev/null || true)
  # shellcheck disable=SC2016 # GRUB's shell expands it.
  text=$(printf 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX %s"\n' "$wanted" && printf '%s\n' "${grub_closed[@]}")
  if [[ -f $root$grub_part && $(<"$root$grub_part") == "$text" ]]; then
    found "$grub_part: $wanted"
  else
    act "write $grub_part: $wanted" write_grub_words "$text"
  fi
}

write_grub_words() {
  make_folders "${grub_part%/*}"
  remember file "$grub_part"
  printf '%s\n' "$1" >"$root$grub_part"
  if [[ -z $root ]] && command -v update-grub >/dev/null; then update-grub 2>/dev/null; fi
}

# The distribution's own is left, unless there is none: more than 15 s is refused by some kernels, and then none runs.
set_watchdog() {
  local configured
  configured=$(systemd-analyze --root="$root/" cat-config systemd/system.conf 2>/dev/null |
    sed -n 's/^RuntimeWatchdogSec=//p' | tail -n 1)
  if [[ -f $root$watchdog_part || -z $configured || $configured =~ ^(0|off|0s)$ ]]; then
    put systemd/kios-watchdog.conf "$watchdog_part"
  else
    found "the system's own watchdog: $configured"
  fi
  ! booted || check_watchdog
}

check_watchdog() {
  local device=$root/sys/class/watchdog/watchdog0 state effective
  if [[ ! -e $device ]]; then
    printf '  this machine has no hardware watchdog: a kernel that hangs stays so\n'
    return
  fi
  ((dry_run)) || systemctl daemon-reexec
  state=$(<"$device/state")
  effective=$(systemctl show --property=RuntimeWatchdogUSec --value)
  if [[ $state == active && $effective != 0 ]]; then
    printf '  the watchdog is armed: %s, the device says %s s\n' "$effective" "$(<"$device/timeout")"
  else
    printf '  the watchdog is NOT armed (%s, %s): look at journalctl -b _PID=1\n' "$state" "$effective"
  fi
}
