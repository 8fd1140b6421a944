# Debian's dockerd as a peer: one of the test file's own, with everything it has below the file's folder, no network, and
# a cgroup parent of its own. `peer_docker` and `peer_podman` are the clients; a newer docker may come first in PATH.
# shellcheck shell=bash

peer_docker() { /usr/bin/docker --host "unix://$BATS_FILE_TMPDIR/docker.sock" "$@"; }

# `tared_docker`: the same client, of a tared with this file's store.
tared_docker() { /usr/bin/docker --host "unix://$BATS_FILE_TMPDIR/tared.sock" "$@"; }

peer_podman() {
  # conmon leaves a file "oom" where podman was called
  env -C "$BATS_FILE_TMPDIR" podman --root "$BATS_FILE_TMPDIR/podman" --runroot "$BATS_FILE_TMPDIR/podman-run" --tmpdir "$BATS_FILE_TMPDIR/podman-tmp" \
    --cgroup-manager cgroupfs "$@"
}

# From setup_file, with more options for it; where a docker daemon cannot run, NO_DOCKERD says why (bats 1.8 skips in
# setup() alone). PEER_NET: the network namespace that it has for itself.
start_dockerd() { # [OPTION...]
  export PEER_CGROUP=${PEER_CGROUP:-tare-peer-$$}
  ${PEER_NET:+nsenter --net="$PEER_NET"} dockerd --data-root "$BATS_FILE_TMPDIR/docker" --exec-root "$BATS_FILE_TMPDIR/docker-exec" \
    --pidfile "$BATS_FILE_TMPDIR/dockerd.pid" --host "unix://$BATS_FILE_TMPDIR/docker.sock" --bridge=none --iptables=false \
    --cgroup-parent "/$PEER_CGROUP" --storage-driver overlay2 "$@" >"$BATS_FILE_TMPDIR/dockerd.log" 2>&1 3>&- &
  export DOCKERD_PID=$!
  wait_until 20 dockerd_has_decided || true
  export NO_DOCKERD=
  dockerd_answers || NO_DOCKERD="dockerd does not start here: $(tail -n 1 "$BATS_FILE_TMPDIR/dockerd.log")"
}

dockerd_answers() { peer_docker version >/dev/null 2>&1; }
dockerd_is_gone() { [ "$(ps -o comm= -o stat= -p "$DOCKERD_PID" | grep -vc ' Z')" = 0 ]; }
dockerd_has_decided() { dockerd_is_gone || dockerd_answers; }

# From teardown_file, whatever happened before: its containers, the daemon (and containerd, which goes with it), mounts,
# cgroups.
stop_dockerd() {
  local containerd
  [ -n "${DOCKERD_PID:-}" ] || return 0
  if ! dockerd_is_gone; then
    # shellcheck disable=SC2046
    peer_docker rm -f $(peer_docker ps -aq 2>/dev/null) >/dev/null 2>&1 || true
    containerd=$(pgrep -P "$DOCKERD_PID" -x containerd) || true
    kill "$DOCKERD_PID"
    wait_until 20 dockerd_is_gone || kill -9 "$DOCKERD_PID" ${containerd:+"$containerd"} 2>/dev/null || true
  fi
  unmount_peers
  remove_peer_cgroups
}

# Podman makes folders and files on the tmpfs, too, where a controller has no hierarchy.
remove_peer_cgroups() {
  find /sys/fs/cgroup -depth -type d -path "*/$PEER_CGROUP*" -exec rmdir {} + 2>/dev/null || true
  find /sys/fs/cgroup -xdev -depth -path "*/$PEER_CGROUP*" -delete 2>/dev/null || true
}

# What the peers keep mounted below the file's folder, deepest first.
unmount_peers() {
  local m
  awk -v d="$BATS_FILE_TMPDIR/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
}

start_tared() { # [OPTION...]
  "$TARE_BIN/tared" -H "unix://$BATS_FILE_TMPDIR/tared.sock" --root "$TARE_ROOT" --state "$TARE_STATE" "$@" 2>"$BATS_FILE_TMPDIR/tared.log" 3>&- &
  export TARED_PID=$!
  wait_until 10 tared_answers || { cat "$BATS_FILE_TMPDIR/tared.log"; return 1; }
}
tared_answers() { [ "$(curl -s --unix-socket "$BATS_FILE_TMPDIR/tared.sock" http://x/_ping)" = OK ]; }
tared_is_gone() { [ "$(ps -o comm= -o stat= -p "$TARED_PID" | grep -vc ' Z')" = 0 ]; }
stop_tared() {
  [ -n "${TARED_PID:-}" ] || return 0
  kill "$TARED_PID" 2>/dev/null || true
  wait_until 10 tared_is_gone
}
