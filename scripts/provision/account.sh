# shellcheck shell=bash
# The user, its folders and the technician's configuration. Sourced.

install_account() {
  if grep -qs '^kios:' "$root/etc/passwd"; then
    found 'user kios'
  elif ((EUID == 0 || dry_run)); then
    act 'make the user kios' make_account
  else
    printf '  the user kios is made at the first boot, by systemd-sysusers\n'
  fi
}

make_account() {
  remember group kios
  remember user kios
  grep -qs '^gpio:' "$root/etc/group" || remember group gpio
  systemd-sysusers --root="$root/" kios.conf
}

# Mode and group, so that folders which somebody made by hand are put right too.
install_folders() {
  local group config=$root/etc/kios/kiosk.yaml
  group=$(sed -n 's/^kios:[^:]*:\([0-9]*\):.*/\1/p' "$root/etc/group" 2>/dev/null || true)
  if has_access "750:$group" "$root/etc/kios" && { ((on_data)) || has_state_access "$group"; } &&
    has_access "700:$group" "$root/var/cache/kios" &&
    { [[ ! -f $config || -L $config ]] || has_access "640:$group" "$config"; }; then
    found 'the folders of kios'
  elif ((EUID == 0 || dry_run)); then
    act 'make the folders of kios: /etc/kios, /var/cache/kios, the place of the journal' make_own_folders
  fi
}

has_state_access() {
  has_access "700:$1" "$root/var/lib/kios" && has_access 700:0 "$root/var/lib/kios-root"
}

has_access() {
  [[ $(stat -c %a:%g "$2" 2>/dev/null) == "$1" ]]
}

make_own_folders() {
  remember folder /etc/kios
  if ! ((on_data)); then
    remember state /var/lib/kios
    remember tree /var/lib/kios-root
  fi
  remember tree /var/cache/kios
  apply_tmpfiles
}

apply_tmpfiles() {
  local -a parts=(kios.conf)
  ((on_data)) || parts+=(kios-state.conf)
  systemd-tmpfiles --root="$root/" --create "${parts[@]}"
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
  make_folders /etc/kios
  remember file /etc/kios/kiosk.yaml
  install -m 0640 config/kiosk.example.yaml "$root/etc/kios/kiosk.yaml"
  ((EUID != 0)) || apply_tmpfiles
}
