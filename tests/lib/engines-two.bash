# Debian's dockerd and a tared of the test file's, each with a host's network of its own, so that addresses, published ports and rules are
# the same; what clients saw by the one and the other is compared.
# shellcheck shell=bash

# From setup_file, after tare_setup_file. NO_DOCKERD as with start_dockerd.
two_engines_up() {
  export W=$BATS_FILE_TMPDIR
  unshare -n sleep 100000 3>&- & export PEER_SLEEP=$!
  export PEER_NET=/proc/$PEER_SLEEP/ns/net
  wait_until 5 peer_has_own_net
  nsenter --net="$PEER_NET" sh -c 'ip link set lo up; echo 1 >/proc/sys/net/ipv4/ip_forward'
  start_dockerd --bridge= --iptables=true
  [ -z "$NO_DOCKERD" ] || return 0
  start_tared "$@"
  docker_busybox >/dev/null
  peer_docker load -q -i "$W/busybox.tar"
  tared_docker load -q -i "$W/busybox.tar"
}
peer_has_own_net() { [ "$(readlink "$PEER_NET")" != "$(readlink /proc/self/ns/net)" ]; }

# From teardown_file, before tare_teardown_file.
two_engines_down() {
  [ -n "${NO_DOCKERD-x}" ] || remove_containers
  stop_tared
  stop_dockerd
  kill "$PEER_SLEEP" 2>/dev/null || true
  tare volume prune -af >/dev/null 2>&1 || true
  tare network prune -f >/dev/null 2>&1 || true
}

# Of a part that failed.
remove_containers() {
  local who id
  for who in peer_docker tared_docker; do
    "$who" ps -aq | while read -r id; do "$who" rm -fv "$id" >/dev/null; done
  done
}

# Of WHO (peer_docker, tared_docker): its socket, and a command on its host.
socket_of() { if [ "$1" = peer_docker ]; then echo "$W/docker.sock"; else echo "$W/tared.sock"; fi; }
on_host() { # WHO COMMAND...
  local who=$1; shift
  if [ "$who" = peer_docker ]; then nsenter --net="$PEER_NET" "$@"; else "$@"; fi
}

# said.docker.PART and said.tare.PART: what docker alone says (<), and tare alone (>), is what the file of differences names,
# "PART SIDE LINE # why", as often as it likes, and nothing else.
compare_said() { # PART DIFFERENCES LINES_AT_LEAST
  [ "$(wc -l <"$W/said.docker.$1")" -ge "$3" ] || { cat "$W/said.docker.$1"; return 1; }
  diff "$W/said.docker.$1" "$W/said.tare.$1" | grep '^[<>]' | sort -u >"$W/differ" || true
  awk -v p="$1" -F ' # ' '$1 !~ /^#/ { split($1, w, " "); if (w[1] == p || w[1] == "all") { sub(/^[a-z]+ /, "", $1); print $1 } }' "$2" | sort -u >"$W/known"
  comm -23 "$W/differ" "$W/known" >"$W/unknown"
  [ ! -s "$W/unknown" ] || { diff "$W/said.docker.$1" "$W/said.tare.$1"; echo "not explained:"; cat "$W/unknown"; return 1; }
}
