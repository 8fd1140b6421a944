#!/usr/bin/env bats
# Debian's podman and buildah of a user without rights, with tare-oci as its runtime: that is then called by the root of podman's user
# namespace. Layers as plain copies (vfs), no cgroups: he has none delegated on a machine with version 1.

load ../lib/common
load ../lib/docker
load ../lib/engines
load ../lib/user

setup_file() {
  engine_setup_file
  user_setup
  docker_busybox >/dev/null
  cp "$W/busybox.tar" "$U/busybox.tar"
  chmod 644 "$U/busybox.tar"
  mkdir "$U/volume" "$U/tmp"; chown $USER_ID:$USER_ID "$U" "$U/volume" "$U/tmp"
  export CONTAINERS_CONF=$U/containers.conf
  cat >"$CONTAINERS_CONF" <<X
[containers]
default_ulimits = []
[engine]
events_logger = "none"
runtime_supports_json = ["tare-oci"]
X
  engine load -q -i "$U/busybox.tar"
}

engine() {
  user env TMPDIR="$U/tmp" podman --storage-driver vfs --root "$U/storage" --runroot "$U/run/podman" --cgroup-manager cgroupfs \
    --runtime "$U/bin/tare-oci" "$@"
}
export -f engine user
once() { engine run --rm --network none "$@"; }

teardown() { engine rm -a -f -t 0 >/dev/null 2>&1 || true; }

# What holds podman's namespaces open, and what it starts when a container has ended.
teardown_file() {
  local code=0 pid
  teardown
  pid=$(cat "$U/run/libpod/tmp/pause.pid") && kill "$pid" || true
  user_teardown || code=1
  engine_teardown_file || code=1
  return $code
}

@test "podman of a user runs on it" {
  run -0 engine info -f '{{.Host.OCIRuntime.Path}} {{.Host.Security.Rootless}}'
  [ "$output" = "$U/bin/tare-oci true" ]
  run -7 --separate-stderr once busybox sh -c 'echo out; echo err >&2; exit 7'
  [ "$output" = out ]
  # shellcheck disable=SC2154
  [ "$stderr" = err ]
  [ "$(echo "through a pipe" | once -i busybox cat)" = "through a pipe" ]
  run -0 once -u 1:1 --group-add 7 -e A=b -w /tmp --hostname peer --cap-drop ALL --cap-add CHOWN --read-only --tmpfs /scratch:size=1m \
    busybox sh -c 'id -u; id -G; echo $A; pwd; hostname; grep CapBnd /proc/self/status; touch /scratch/x && echo written
      touch /x || echo read-only; echo x >/dev/null; cat /proc/self/uid_map | xargs'
  has_lines 1 "1 7" b /tmp peer $'CapBnd:\t0000000000000001' written read-only
  [ -z "$(ls "$U/run/tare-oci" 2>/dev/null)" ]
}

@test "namespaces of the host, and another inside" {
  run -0 engine run --rm --network host --pid host busybox sh -c 'test -d /proc/'$$' && ls /sys/class/net'
  has_lines lo
  run -0 once --uidmap 0:1:1000 busybox sh -c 'cat /proc/self/uid_map; touch /x && stat -c %u /x'
  [ "$(xargs <<<"$output")" = "0 1 1000 0" ]
  run -0 once --userns keep-id busybox sh -c 'id -u; id -g'
  [ "$(xargs <<<"$output")" = "$USER_ID $USER_ID" ]
}

@test "volumes are the user's" {
  once -v "$U/volume:/v" busybox touch /v/made
  [ "$(stat -c %u "$U/volume/made")" = $USER_ID ]
}

@test "privileged: the host's nodes, and mounts" {
  run -0 once --privileged busybox sh -c 'ls -l /dev/null; mkdir /m && mount -t tmpfs none /m && echo mounted'
  has_lines mounted
}

@test "exec, terminals, kill, logs, restart" {
  engine run -d --name box --network none busybox sh -c 'echo up; exec sleep 1000' >/dev/null
  run -9 engine exec -u 33:33 box sh -c 'id; exit 9'
  [ "$output" = "uid=33 gid=33" ]
  run -5 on_terminal engine exec -it box sh -c 'tty; exit 5'
  has_lines /dev/pts/0
  run -126 engine exec box /etc/passwd
  run -127 engine exec box /nosuch
  [ "$(engine logs box)" = up ]
  engine restart -t 0 box
  engine exec box true
  engine kill box
  [ "$(engine wait box)" = 137 ]
  engine rm box
  [ -z "$(ls "$U/run/tare-oci" 2>/dev/null)" ]
}

@test "pods" {
  engine pod create --name pod --infra=false >/dev/null
  run -0 engine run --rm --pod pod --network none busybox id -u
  [ "$output" = 0 ]
  engine pod rm -f -t 0 pod
}

@test "buildah of a user builds on it" {
  mkdir -p "$U/context"
  printf 'FROM docker.io/library/busybox\nRUN id -u >/made; cat /proc/self/uid_map >>/made\n' >"$U/context/Containerfile"
  # it asks for ambient capabilities that cannot be, of which the runtime warns
  user env TMPDIR="$U/tmp" buildah --storage-driver vfs --root "$U/storage" --runroot "$U/run/podman" bud --isolation oci \
    --runtime "$U/bin/tare-oci" --network none -t made "$U/context" >/dev/null 2>&1
  run -0 once made cat /made
  [ "$(xargs <<<"$output")" = "0 0 $USER_ID 1 1 $USER_RANGE 65536" ]
}
