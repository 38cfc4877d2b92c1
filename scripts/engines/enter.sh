#!/bin/sh
# Runs a command in a root as if on a machine of its own. Usage: enter.sh ROOT host|own COMMAND...
#
# It has its own mounts, devices, process ids and, with `own`, a network without any way out; whatever it starts ends with
# it. The root becomes / by pivot_root, not chroot: in a chroot the kernel refuses user namespaces, which rootless
# engines are made of.
set -eu
ROOT=$1 NET=$2
shift 2
flags="--mount --pid --ipc --uts --fork --kill-child"
[ "$NET" = host ] || flags="$flags --net"
export ROOT NET
# shellcheck disable=SC2086
exec unshare $flags sh -c '
set -eu
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
if [ "$NET" = host ]; then
    mount --rbind /sys "$ROOT/sys"
else
    mount -t sysfs sysfs "$ROOT/sys"
    ip link set lo up
fi
# Without the second hierarchy of a machine that has both: crun refuses such a mixture.
if [ -d /sys/fs/cgroup/unified ]; then
    mount -t tmpfs -o mode=755 tmpfs "$ROOT/sys/fs/cgroup"
    for each in /sys/fs/cgroup/*; do
        name=${each##*/}
        [ "$name" != unified ] || continue
        mkdir -p "$ROOT/sys/fs/cgroup/$name"
        mount --rbind "$each" "$ROOT/sys/fs/cgroup/$name"
    done
elif [ "$NET" != host ]; then
    mount --rbind /sys/fs/cgroup "$ROOT/sys/fs/cgroup"
fi
mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
mkdir "$ROOT/dev/net" "$ROOT/dev/pts" "$ROOT/dev/shm" "$ROOT/dev/mqueue"
mount -t mqueue mqueue "$ROOT/dev/mqueue"
while read -r node major minor; do
    mknod -m 666 "$ROOT/dev/$node" c "$major" "$minor"
done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
net/tun 10 200
fuse 10 229
END
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$ROOT/dev/pts"
ln -s pts/ptmx "$ROOT/dev/ptmx"
mount -t tmpfs tmpfs "$ROOT/dev/shm"
ln -s /proc/self/fd "$ROOT/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mkdir -p "$ROOT/.old"
cd "$ROOT"
pivot_root . .old
umount -l /.old
cd /
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
' sh "$@"
