#!/bin/bash
# A small initrd: busybox and the few modules that reach an ext4 root on virtio.
#   initrd.sh ROOT KERNEL-RELEASE OUTFILE
set -euo pipefail
readonly root=$1 release=$2 out=$3
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{bin,dev,proc,sys,new,modules}
cp "$root/bin/busybox" "$tree/bin/busybox"
ln -s busybox "$tree/bin/sh"

unpack() {
  case $1 in
    *.xz) xz -dc "$1" ;;
    *.zst) zstd -qdc "$1" ;;
    *) cat "$1" ;;
  esac
}

# In the order in which they need each other, each once; built-in ones have no file.
count=10
seen=' '
for module in virtio_pci virtio_blk crc32c_generic crc32c ext4; do
  while read -r kind file _; do
    [[ $kind == insmod && $seen != *" $file "* ]] || continue
    seen+="$file "
    count=$((count + 1))
    unpack "$file" >"$tree/modules/$count.ko"
  done < <(modprobe -d "$root" -S "$release" --show-depends "$module" 2>/dev/null || true)
done

cat >"$tree/init" <<'END'
#!/bin/sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
for module in /modules/*.ko; do $b insmod $module 2>/dev/null; done
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 200 ]; do
  $b usleep 20000
  tries=$((tries + 1))
done
$b mount -t ext4 -o rw /dev/vda /new || echo 'rig: the root does not mount'
for folder in dev proc sys; do $b mount --move /$folder /new/$folder; done
exec $b switch_root /new /sbin/init
END
chmod +x "$tree/init"
(cd "$tree" && find . | cpio --quiet -o -H newc) >"$out"
