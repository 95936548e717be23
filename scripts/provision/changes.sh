# shellcheck shell=bash
# How provision.sh changes a system: each change is said, and written into a record before it is made, by which
# unprovision.sh takes it back. Sourced. Uses $root, $dry_run.

# What was made here: a kind and a name a line. Beside it lies nothing else.
readonly record=/var/lib/kios-provision/made

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

# remember KIND NAME: before the change, so that a power cut leaves nothing that nobody knows of.
remember() {
  ((dry_run)) && return
  grep -Fqxs "$1 $2" "$root$record" && return
  mkdir -p "$root${record%/*}"
  printf '%s %s\n' "$1" "$2" >>"$root$record"
}

forget() {
  [[ ! -f $root$record ]] || sed -i "\|^$1 $2\$|d" "$root$record"
}

remembered() {
  sed -n "s/^$1 //p" "$root$record" 2>/dev/null || true
}

# make_folders FOLDER: with those above it, each remembered.
make_folders() {
  [[ -n $1 && ! -d $root$1 ]] || return 0
  make_folders "${1%/*}"
  remember folder "$1"
  mkdir "$root$1"
}

# put FILE TARGET [MODE]: a file of ours that follows this release.
put() {
  local target=$root$2
  if [[ -L $target || (-e $target && ! -f $target) ]]; then
    not_ours "$2"
  elif cmp -s "$1" "$target"; then
    remember file "$2"
    found "$2"
  else
    act "write $2" put_file "$1" "$2" "${3:-0644}"
  fi
}

put_file() {
  make_folders "${2%/*}"
  remember file "$2"
  install -m "$3" "$1" "$root$2"
}

# put_link DESTINATION LINK: only a link into a release of ours is led elsewhere.
put_link() {
  local link=$root$2 leads
  leads=$(readlink "$link" || true)
  case $leads in
    "$1")
      remember link "$2"
      found "$2 -> $1"
      return
      ;;
    releases/* | /opt/kios/*) ;;
    *) [[ ! -e $link && ! -L $link ]] || not_ours "$2" ;;
  esac
  act "link $2 -> $1" replace_link "$1" "$2"
}

# By renaming, so that there is no moment without the link.
replace_link() {
  make_folders "${2%/*}"
  remember link "$2"
  ln -sfn "$1" "$root$2.new"
  mv -T "$root$2.new" "$root$2"
}

# mask UNIT: never started, by whomever. One that was masked before is not ours to open again.
mask() {
  local link=/etc/systemd/system/$1
  if [[ $(readlink "$root$link" || true) == /dev/null ]]; then
    found "$1 is masked"
  elif [[ -e $root$link || -L $root$link ]]; then
    not_ours "$link"
  else
    act "mask $1" replace_link /dev/null "$link"
  fi
}

# add_line FILE LINE: at its end.
add_line() {
  if grep -Fqxs "$2" "$root$1"; then
    found "$1: $2"
  else
    act "write into $1: $2" append_line "$1" "$2"
  fi
}

append_line() {
  remember "line $1" "$2"
  printf '%s\n' "$2" >>"$root$1"
}

booted() {
  [[ -z $root && -d /run/systemd/system ]]
}
