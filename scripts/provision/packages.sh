# shellcheck shell=bash
# Debian's packages: out of the bundle's folder for this release of Debian, else from the internet. Sourced.

# install_packages GROUP NAME…: the group is the folder of the bundle that holds them and what they depend on.
install_packages() {
  local group=$1 package
  local -a missing=()
  shift
  if [[ -n $root ]]; then
    printf '  the image must have the packages %s\n' "$*"
    return
  fi
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    found "packages $*"
  elif has_debs "$group" "${missing[@]}"; then
    act "install the packages ${missing[*]} from the bundle" install_debs "$group"
  else
    act "install the packages ${missing[*]} from the internet" apt_install "${missing[@]}"
  fi
}

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

debs_folder() {
  local version
  version=$(sed -n 's/^VERSION_ID="\?\([0-9]*\).*/\1/p' /etc/os-release)
  printf 'debs/%s/%s\n' "${version:-none}" "$1"
}

has_debs() {
  local package folder
  folder=$(debs_folder "$1")
  for package in "${@:2}"; do
    compgen -G "$folder/${package}_*.deb" >/dev/null || return 1
  done
}

# The missing ones of the group in one step, as dpkg wants it: some depend on others.
install_debs() {
  local file package
  local -a files=()
  for file in "$(debs_folder "$1")"/*.deb; do
    package=$(dpkg-deb --field "$file" Package)
    if is_installed "$package"; then continue; fi
    remember deb "$package"
    files+=("$file")
  done
  DEBIAN_FRONTEND=noninteractive dpkg --install "${files[@]}" >/dev/null
}

apt_install() {
  local package
  for package in "$@"; do remember deb "$package"; done
  export DEBIAN_FRONTEND=noninteractive
  apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}
