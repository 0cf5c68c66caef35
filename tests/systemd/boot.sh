#!/bin/bash
# PID 1 of new namespaces: makes a root of its own over this machine's files and becomes systemd there.
#
#   boot.sh STATE   STATE/python and STATE/packages name the interpreter's installation and its packages,
#                   STATE/checkout this checkout; they are seen under /opt/cfsm, where ProtectHome= hides nothing.
#
# Nothing of the machine is changed: the root is an overlay whose changes lie in memory, /run, /tmp, /dev and the
# network are new, what is bound is read-only.
set -euo pipefail
state=$1
memory=$state/memory
root=$memory/root

mkdir "$memory"
mount -t tmpfs -o size=2G tmpfs "$memory"
mkdir "$memory/changes" "$memory/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$memory/changes,workdir=$memory/work" "$root"

mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o mode=755,size=128M tmpfs "$root/run"
mount -t tmpfs -o mode=1777,size=1G tmpfs "$root/tmp"

mount -t tmpfs -o mode=755,size=1M tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
touch "$root/dev/console"
mount --bind /dev/null "$root/dev/console"

# The same control groups as the machine has: all in one hierarchy, or one for each controller.
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs -o mode=755,size=1M tmpfs "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/unified" "$root/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
  for controller in cpu cpuacct memory devices blkio pids; do
    mkdir "$root/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "$root/sys/fs/cgroup/$controller"
  done
  mount -o remount,ro,bind "$root/sys/fs/cgroup"
fi

# CFSM as a user installs it: an environment outside of everybody's home.
venv=$root/opt/cfsm/venv
site=$venv/lib/python3.11/site-packages
mkdir -p "$root/opt/cfsm/python" "$venv/packages" "$venv/checkout" "$venv/bin" "$site"
bind() { # bind NAME PLACE
  mount --bind "$(cat "$state/$1")" "$2"
  mount -o remount,bind,ro "$2"
}
bind python "$root/opt/cfsm/python"
bind packages "$venv/packages"
bind checkout "$venv/checkout"
ln -s /opt/cfsm/python/bin/python3.11 "$venv/bin/python"
printf 'home = /opt/cfsm/python/bin\ninclude-system-site-packages = false\n' > "$venv/pyvenv.cfg"
printf '/opt/cfsm/venv/checkout\n/opt/cfsm/venv/packages\n' > "$site/cfsm.pth"
printf '#!/bin/sh\nexec /opt/cfsm/venv/bin/python -m cfsm "$@"\n' > "$venv/bin/cfsm"
chmod 755 "$venv/bin/cfsm"
echo /opt/cfsm/python/lib > "$root/etc/ld.so.conf.d/cfsm-python.conf"
ldconfig -r "$root" 2> /dev/null

# Only what a test installs is to run; the rest of what this machine would start is left out.
units=$root/etc/systemd/system
rm -rf "$units"/*.target.wants "$units"/*.requires "$units"/cfsm* "$units/default.target"
ln -s /lib/systemd/system/multi-user.target "$units/default.target"
for unit in \
  dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount \
  systemd-binfmt.service systemd-modules-load.service systemd-sysctl.service systemd-remount-fs.service \
  systemd-tmpfiles-setup-dev.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
  systemd-sysusers.service systemd-random-seed.service systemd-machine-id-commit.service systemd-firstboot.service \
  systemd-hwdb-update.service systemd-udevd.service systemd-udev-trigger.service systemd-journal-flush.service \
  systemd-pstore.service systemd-timesyncd.service modprobe@.service e2scrub_reap.service getty.target getty@.service \
  serial-getty@.service console-getty.service container-getty@.service autovt@.service remote-fs.target \
  cryptsetup.target integritysetup.target veritysetup.target swap.target systemd-ask-password-console.path \
  systemd-ask-password-wall.path apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  man-db.timer fstrim.timer systemd-tmpfiles-clean.timer systemd-initctl.socket systemd-journald-audit.socket; do
  ln -sf /dev/null "$units/$unit"
done
mkdir -p "$root/etc/systemd/journald.conf.d" "$root/etc/systemd/system.conf.d"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\nRateLimitIntervalSec=0\nForwardToConsole=no\nForwardToWall=no\n' \
  > "$root/etc/systemd/journald.conf.d/test.conf"
printf '[Manager]\nDefaultTimeoutStopSec=20s\nShowStatus=no\nCrashShell=no\n' > "$root/etc/systemd/system.conf.d/test.conf"
rm -rf "$root/var/log/journal"
: > "$root/etc/fstab"
tr -d - < /proc/sys/kernel/random/uuid > "$root/etc/machine-id"
echo cfsm-test > "$root/etc/hostname"

cd "$root"
mkdir .machine
pivot_root . .machine
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umount -l /.machine
rmdir /.machine
mount --make-rshared / # else LoadCredential= gives nothing, silently
exec env -i container=cfsm-test PATH=$PATH /lib/systemd/systemd --system --log-target=journal
