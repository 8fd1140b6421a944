#!/usr/bin/env bats
# Debian's buildah with tare-oci as its runtime: `buildah run` in a working container, and building a Containerfile.

load ../lib/common
load ../lib/docker
load ../lib/engines

setup_file() {
  engine_setup_file
  # as in engine-podman.bats: default limits above our own need CAP_SYS_RESOURCE
  export CONTAINERS_CONF=$W/containers.conf TMPDIR=$W/tmp
  printf '[containers]\ndefault_ulimits = []\n' >"$CONTAINERS_CONF"
  mkdir "$TMPDIR"
  buildah_ pull -q "docker-archive:$(docker_busybox)"
}

# The parent is what buildah gives the container as its own cgroup.
setup() { buildah_ from --pull-never --name work --cgroup-parent "/$PEER_CGROUP/buildah" -m 64m --cpu-quota 50000 busybox; }
teardown() { buildah_ rm -a >/dev/null 2>&1 || true; }

teardown_file() {
  teardown
  engine_teardown_file
}

buildah_() { buildah --root "$W/buildah" --runroot "$W/buildah-run" --storage-driver vfs "$@"; }
engine_run() { buildah_ run --runtime "$W/tare-oci" --isolation oci --network none "$@"; }
export -f engine_run buildah_

@test "buildah run: output, exit code, files that stay" {
  run -3 --separate-stderr engine_run work -- sh -c 'echo out; echo err >&2; echo made >/made; exit 3'
  [ "$output" = out ]
  has_lines out
  # shellcheck disable=SC2154
  [[ $stderr == *err* ]]
  run -0 --separate-stderr engine_run work cat /made
  [ "$output" = made ]
  [ "$(echo piped | engine_run work cat 2>/dev/null)" = piped ]
  nothing_left
}

@test "buildah run: user, environment, folder, capabilities, volumes, hostname" {
  run -0 engine_run --user 1:1 --env A=b --workingdir /tmp --cap-drop all --hostname peer -v "$W:/given:ro" work -- \
    sh -c 'id -u; echo $A; pwd; hostname; grep CapEff /proc/self/status; cat /given/tare-oci; touch /given/x || echo read-only'
  has_lines 1 b /tmp peer $'CapEff:\t0000000000000000' '#!/bin/sh' read-only
  nothing_left
}

@test "buildah run: limits of the working container" {
  engine_run work sleep 1000 >"$W/said" 2>&1 3>&- &
  wait_until 20 works
  has_limits buildah 67108864 50000 max
  # shellcheck disable=SC2046
  kill -9 $(workers)
  wait $! || true
  grep "container exited on killed" "$W/said"
  nothing_left
}
workers() { find /sys/fs/cgroup -path "*/$PEER_CGROUP/buildah/cgroup.procs" -exec cat {} + | sort -u; }
works() { [ "$(workers | xargs -I{} cat /proc/{}/comm)" = sleep ]; }

@test "buildah run: a terminal" {
  run -0 on_terminal engine_run -t work tty
  has_lines /dev/pts/0
  nothing_left
}

@test "buildah run: killed while it runs" {
  engine_run work sleep 1000 3>&- &
  wait_until 20 works
  kill -TERM "$(pgrep -P $! || echo $!)" || true
  wait $! || true
  nothing_left
}

@test "a command that cannot run is told" {
  run ! engine_run work /nosuch
  grep -F nosuch <<<"$output" | grep -F "no such file or directory"
  nothing_left
}

@test "buildah build" {
  printf 'FROM busybox\nRUN id -u >/built && mkdir -m 700 /for-one && chown 1 /for-one\nUSER 1\nRUN touch /for-one/x && id -u\n' \
    >"$W/Containerfile"
  run -0 buildah_ build --runtime "$W/tare-oci" --isolation oci --network none --cgroup-parent "/$PEER_CGROUP/build" -m 64m \
    --pull-never -t built -f "$W/Containerfile" "$TMPDIR"
  has_lines 1
  buildah_ from --pull-never --name two localhost/built
  run -0 --separate-stderr engine_run two stat -c %u /for-one/x /built
  [ "$output" = $'1\n0' ]
  nothing_left
}
