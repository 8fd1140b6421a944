#!/usr/bin/env bats
# Debian's podman and conmon with tare-oci as their runtime.

load ../lib/common
load ../lib/docker
load ../lib/engines

EXEC_MISSING=127

# Podman raises the limits of files and processes above its own where it is root, which needs CAP_SYS_RESOURCE with
# every runtime: they are left alone. Its locks are in memory that all podmans of a machine share, unless they are a file.
setup_file() {
  engine_setup_file
  export CONTAINERS_CONF=$W/containers.conf
  cat >"$CONTAINERS_CONF" <<X
[containers]
default_ulimits = []
[engine]
events_logger = "none"
lock_type = "file"
runtime_supports_json = ["tare"]
[engine.runtimes]
tare = ["$W/tare-oci"]
crun = ["$W/tare-oci"]
X
  peer_podman load -q -i "$(docker_busybox)"
}

teardown() { peer_podman rm -a -f -t 0 >/dev/null 2>&1 || true; }

teardown_file() {
  teardown
  engine_teardown_file
}

engine() { peer_podman --runtime "$W/tare-oci" "$@"; }
export -f engine engine_run peer_podman
id_of() { peer_podman inspect -f '{{.Id}}' "$1"; }

@test "podman runs on it" {
  run -0 engine info -f '{{.Host.OCIRuntime.Path}} {{.Host.OCIRuntime.Version}}'
  [[ $output == "$W/tare-oci tare-oci version "* ]]
  check_run
}

@test "terminals" { check_terminal; }

@test "commands that cannot run" { check_faults; }

@test "exec" { check_exec; }

@test "limits, and new ones while it runs" { check_limits; }

@test "pause" { check_pause; }

@test "top, kill, logs, restart, stop, rm" { check_kill; }

@test "privileged" { check_privileged; }

@test "a user namespace" {
  run -0 engine_run --uidmap 0:100000:65536 busybox sh -c 'cat /proc/self/uid_map; touch /x; stat -c %u /x'
  [ "$(xargs <<<"$output")" = "0 100000 65536 0" ]
  nothing_left
}

@test "pods" {
  engine pod create --name pod --infra=false --cgroup-parent "/$PEER_CGROUP" >/dev/null
  engine run -d --pod pod --name inside --network none busybox sleep 1000 >/dev/null
  grep -q "/libpod-$(id_of inside)" "/proc/$(engine inspect -f '{{.State.Pid}}' inside)/cgroup"
  engine pod rm -f -t 0 pod
  nothing_left
}

@test "READY=1 through conmon" {
  engine run -d --name told --sdnotify=conmon --network none --cgroup-parent "/$PEER_CGROUP" busybox sleep 1000 >/dev/null
  is_engine_state told running
  engine rm -f -t 0 told
  nothing_left
}

# What podman knows of a runtime it knows by name: json is configured, no cgroups is what it believes of crun alone.
@test "errors as JSON; no cgroup at all" {
  run -126 peer_podman --runtime tare run --rm --network none --cgroup-parent "/$PEER_CGROUP" busybox /etc/passwd
  [ "$output" = 'Error: tare: exec: "/etc/passwd": permission denied: OCI permission denied' ]
  run -0 peer_podman --runtime crun run --rm --network none --cgroups disabled busybox cat /proc/self/cgroup
  diff <(sort /proc/self/cgroup) <(sort <<<"$output")
  nothing_left
}
