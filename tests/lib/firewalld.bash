# Debian's firewalld, unpacked and not installed, for an installed one starts and closes the machine. It runs, with a message bus of its
# own, in a mount namespace where its files lie over the machine's, and in the network namespace of the tests.
# shellcheck shell=bash

firewalld_packages=(firewalld python3-firewall python3-nftables python3-dbus python3-gi python3-cap-ng libgirepository-1.0-1 gir1.2-glib-2.0)

# The packages' files, once per build.
firewalld_files() {
  local to=$TARE_BUILD/cache/firewalld
  [ ! -e "$to" ] || { echo "$to"; return; }
  mkdir -p "$to.$$/debs"
  (cd "$to.$$/debs" && nsenter --net="${TARE_OUTER_NET:-/proc/self/ns/net}" apt-get download -qq "${firewalld_packages[@]}") >"$to.log" 2>&1 || { tail -5 "$to.log" >&2; return 1; }
  for deb in "$to.$$"/debs/*.deb; do dpkg-deb -x "$deb" "$to.$$"; done
  rm -rf "$to.$$/debs"
  mv "$to.$$" "$to" 2>/dev/null || rm -rf "$to.$$"
  echo "$to"
}

# From a test: firewalld runs, and firewall-cmd is in PATH. stop_firewalld in teardown.
start_firewalld() {
  local files
  files=$(firewalld_files)
  export FIREWALLD=$BATS_TEST_TMPDIR/firewalld
  mkdir -p "$FIREWALLD/bin"
  cat >"$FIREWALLD/bus.conf" <<END
<busconfig><type>system</type><listen>unix:path=$FIREWALLD/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy></busconfig>
END
  # shellcheck disable=SC2016
  unshare -m sh -ec 'mount -t overlay overlay -o lowerdir="$1/usr:/usr" /usr
    mkdir "$2/etc"; mount -t tmpfs etc "$2/etc"; mkdir "$2/etc/upper" "$2/etc/work"
    mount -t overlay overlay -o "lowerdir=$1/etc:/etc,upperdir=$2/etc/upper,workdir=$2/etc/work" /etc
    exec sleep 100000' sh "$files" "$FIREWALLD" 3>&- &
  echo $! >"$FIREWALLD/mounts"
  wait_until 5 test -e "/proc/$(cat "$FIREWALLD/mounts")/root/usr/sbin/firewalld"
  printf '#!/bin/sh\nexec nsenter --mount=/proc/%s/ns/mnt env DBUS_SYSTEM_BUS_ADDRESS=unix:path=%s /usr/bin/python3 /usr/bin/firewall-cmd "$@"\n' \
    "$(cat "$FIREWALLD/mounts")" "$FIREWALLD/bus" >"$FIREWALLD/bin/firewall-cmd"
  chmod +x "$FIREWALLD/bin/firewall-cmd"
  PATH=$FIREWALLD/bin:$PATH
  dbus-daemon --config-file="$FIREWALLD/bus.conf" --nofork --nopidfile >"$FIREWALLD/bus.log" 2>&1 3>&- &
  echo $! >"$FIREWALLD/pids"
  wait_until 5 test -e "$FIREWALLD/bus"
  DBUS_SYSTEM_BUS_ADDRESS=unix:path=$FIREWALLD/bus nsenter --mount="/proc/$(cat "$FIREWALLD/mounts")/ns/mnt" /usr/bin/python3 /usr/sbin/firewalld --nofork --nopid \
    --log-target=console >"$FIREWALLD/log" 2>&1 3>&- &
  echo $! >>"$FIREWALLD/pids"
  wait_until 20 sh -c 'firewall-cmd --state >/dev/null 2>&1'
}

stop_firewalld() {
  [ -e "${FIREWALLD:-/nowhere}/mounts" ] || return 0
  # shellcheck disable=SC2046
  kill $(cat "$FIREWALLD/pids" "$FIREWALLD/mounts") 2>/dev/null || true
  wait_until 10 firewalld_is_gone
}
firewalld_is_gone() { local p; while read -r p; do [ ! -e "/proc/$p/exe" ] || return 1; done <"$FIREWALLD/pids"; }
