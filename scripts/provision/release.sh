# shellcheck shell=bash
# The program: a folder under /opt/kios/releases, from a bundle that was verified or from a checkout. Sourced.

# What a release made from a checkout consists of, besides its packages.
readonly release_parts=(src drivers config scripts systemd package.json package-lock.json .npmrc)
# The sums of every file of a release, in its folder.
readonly sums=SHA256SUMS

# A bundle brings its packages and its sums; a checkout has neither.
is_bundle() {
  [[ -f kios.mjs && -f $sums ]]
}

# A release is named by its version and content, so two different programs never share a folder.
release_name() {
  local version sum
  version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
  if is_bundle; then
    sum=$(sha256sum <"$sums")
  else
    sum=$(find "${release_parts[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
  fi
  printf '%s-%s\n' "$version" "${sum:0:12}"
}

install_release() {
  local place=/opt/kios/releases/$1 before
  before=$(readlink "$root/opt/kios/current" || true)
  if [[ ! -e $root$place ]]; then
    act "install the program to $place" copy_release "$place"
  elif is_whole "$root$place"; then
    found "$place"
  else
    act "install the program to $place again: the one that is there is damaged" copy_release "$place"
  fi
  put_link "releases/$1" /opt/kios/current
  [[ $before == "releases/$1" ]] || forget_updates
  put scripts/run-release /opt/kios/run 0755
}

# What is provisioned runs: no update of before leads elsewhere. That nothing older follows is not kept here: floorOf in
# src/field/update-state.ts looks at what is installed.
forget_updates() {
  local path
  for path in /opt/kios/good /srv/kios/current /srv/kios/good /{srv/kios/root,var/lib/kios-root}/trial.json; do
    # A link to the data partition: it would lead out of a tree, to that of the machine at work.
    [[ ! -L $root${path%/*} ]] || continue
    [[ ! -e $root$path && ! -L $root$path ]] || act "forget the update in $path" rm -f "$root$path"
  done
}

# Cards lose the end of files at a power cut, and packages can be damaged as well as sources.
is_whole() {
  (cd "$1" && sha256sum --check --strict --status "$sums") 2>/dev/null
}

# Built beside its place, on the disk, and renamed at the end.
copy_release() {
  local place=$root$1 building=$root$1.building damaged=$root$1.damaged
  make_folders "${1%/*/*}"
  remember tree "${1%/*}"
  # An update makes it.
  remember link /opt/kios/good
  mkdir -p "${place%/*}"
  rm -rf "$building" "$damaged"
  mkdir "$building"
  if is_bundle; then
    cp -R . "$building/"
    is_whole "$building" || fail 'the unpacked bundle is damaged: is the disk full?'
  else
    build_release "$building"
  fi
  # Of a tree, whoever makes an image of it takes care.
  [[ -n $root ]] || sync -f "$building"
  [[ ! -e $place ]] || mv -T "$place" "$damaged"
  mv -T "$building" "$place"
  rm -rf "$damaged"
}

build_release() {
  cp -R "${release_parts[@]}" "$1/"
  chmod -R u=rwX,go=rX "$1"
  "$1/scripts/install" --omit=dev
  (cd "$1" && find . -xtype f ! -name "$sums" -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) >"$1/$sums"
}
