# tare of an ordinary user (user.bash), beside the "host" and the machine "outside" of network.bash:
#
#   rootless_setup      in setup_file, after world_up: the user, with tare's programs and a /dev/net/tun that he may open
#   utare ARG...        tare as him
#   rootless_teardown   in teardown_file
# shellcheck shell=bash

rootless_setup() {
  user_setup
  export TARE_USER_STATE=$U/run/tare
  cp "$TARE_BIN"/tare{,-monitor,-init,-worker,-netd,-transfer} "$U/bin/"
  cp "$(busybox_archive)" "$U/busybox.tar"
  mkdir "$U/home" "$U/net"
  # who is asked for names: what is on the machine outside
  echo "nameserver 192.0.2.2" >"$U/etc/resolv.conf"
  cat >"$U/as" <<AS
#!/bin/bash
exec unshare -m bash -c 'mount --bind "$U/etc" /etc; mount -t tmpfs none "$U/net"; mknod -m "\${TUN_MODE:-666}" "$U/net/tun" c 10 200
  mkdir -p /dev/net; mount --bind "$U/net" /dev/net; cd "$U/home"
  exec setpriv --reuid $USER_ID --regid $USER_ID --clear-groups env -u TARE_ROOT -u TARE_STATE HOME="$U/home" XDG_RUNTIME_DIR="$U/run" USER=user \
    PATH="$U/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "\$@"' as "\$@"
AS
  chown $USER_ID:$USER_ID "$U/home"
  # a way out, as far as pasta and slirp4netns look for one
  ip route add default via 192.0.2.2
  ip -6 route add default via 2001:db8::2
  utare load -q -i "$U/busybox.tar"
}

utare() { user tare "$@"; }

user_remove_all() {
  local ids
  ids=$(utare ps -aq --no-trunc) || return 0
  # shellcheck disable=SC2086
  [ -z "$ids" ] || utare rm -f $ids >/dev/null
}

# Nobody of his is there any more, with any of his ids.
user_is_gone() { [ -z "$(user_processes)" ]; }
user_processes() { ps -eo uid=,pid=,stat=,args= | awk -v u="$USER_ID" -v r="$USER_RANGE" '$3 !~ /^Z/ && ($1 == u || ($1 >= r && $1 < r + 65536))'; }

rootless_teardown() {
  local left
  user_remove_all
  wait_until 5 user_is_gone || true
  left=$(user_processes; find "$TARE_USER_STATE" -mindepth 1 ! -name '*.lock' ! -name session.make ! -name 'events*' ! -name leaving; find "$U/home/.local/share/tare/containers" -mindepth 1)
  user_processes | awk '{ print $2 }' | xargs -r kill -9
  rm -rf "$U"
  [ -z "$left" ] || { echo "left of the user: $left" >&2; return 1; }
}

# pid_of ARGS: of a process of his whose command line begins with this.
pid_of() { user_processes | awk -v w="$1" '{ p = $2; $1 = $2 = $3 = ""; sub(/^ +/, ""); if (index($0, w) == 1) { print p; exit } }'; }
is_there() { [ -n "$(pid_of "$1")" ]; }

# userve NAME PORT TEXT [OPTION...]: as network.bash's serve, of his.
userve() {
  local name=$1 port=$2 text=$3; shift 3
  utare run -d --name "$name" "$@" busybox sh -c "echo '$text' >/tmp/said; exec nc -ll -p $port -e cat /tmp/said" >/dev/null
  wait_until 5 utare exec "$name" sh -c "netstat -ltn | grep -q ':$port '"
}
