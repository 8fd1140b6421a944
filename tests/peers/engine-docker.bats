#!/usr/bin/env bats
# Debian's dockerd (and the containerd that it starts) with tare-oci as its runtime; runc under the same daemon is the
# oracle for what a container looks like from inside.

load ../lib/common
load ../lib/docker
load ../lib/engines

EXEC_MISSING=126 # docker 20.10 says this of every command that exec cannot start, with runc too

setup_file() {
  engine_setup_file
  start_dockerd --add-runtime "tare=$TARE_BIN/tare-oci" --default-runtime tare
  [ -n "$NO_DOCKERD" ] || peer_docker load -q -i "$(docker_busybox)"
}

setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

teardown() {
  # shellcheck disable=SC2046
  [ -n "$NO_DOCKERD" ] || peer_docker rm -f $(peer_docker ps -aq) >/dev/null 2>&1 || true
}

teardown_file() {
  stop_dockerd
  engine_teardown_file
}

engine() { peer_docker "$@"; }
export -f engine engine_run peer_docker
id_of() { peer_docker inspect -f '{{.Id}}' "$1"; }

# The same output and exit code with both runtimes.
same() { # RUN'S ARGS...
  local r
  for r in runc tare; do
    { engine_run --runtime $r --hostname peer "$@" </dev/null || echo "exit $?"; } >"$W/$r.said" 2>&1
  done
  diff "$W/runc.said" "$W/tare.said"
}

@test "docker runs on it" {
  run -0 engine info -f '{{.DefaultRuntime}}'
  [ "$output" = tare ]
  check_run
}

@test "terminals" { check_terminal; }

@test "commands that cannot run" { check_faults; }

@test "exec" { check_exec; }

@test "limits, and new ones while it runs" {
  check_limits
  engine_sleeper few --pids-limit 50
  engine update --pids-limit 20 few
  [ "$(limit "$(id_of few)" pids)" = 20 ]
  engine rm -f few
}

@test "pause" { check_pause; }

@test "top, kill, logs, restart, stop, rm" { check_kill; }

@test "privileged" { check_privileged; }

@test "out of memory is told" {
  run -137 engine run --name oom --network none -m 16m busybox tail /dev/zero
  [ "$(engine inspect -f '{{.State.OOMKilled}}' oom)" = true ]
  engine rm oom
  nothing_left
}

@test "health checks and restarts" {
  engine run -d --name sick --network none --restart on-failure:1 --health-cmd 'test -e /ok' --health-interval 1s busybox \
    sh -c 'touch /ok; until [ -e /end ]; do sleep 0.2; done; rm /end; exit 4' >/dev/null
  wait_until 20 is_health sick healthy
  engine exec sick touch /end
  wait_until 20 has_restarted sick
  wait_until 10 engine exec sick touch /end
  [ "$(engine wait sick)" = 4 ]
  engine rm sick
  nothing_left
}
is_health() { [ "$(engine inspect -f '{{.State.Health.Status}}' "$1")" = "$2" ]; }
has_restarted() { [ "$(engine inspect -f '{{.RestartCount}}' "$1")" = 1 ]; }

@test "--init and --tmpfs; a container that shares another's namespaces" {
  engine_sleeper first --init --ipc shareable
  [ "$(engine exec first sh -c 'tr "\0" " " </proc/1/cmdline')" = "/sbin/docker-init -- sleep 1000 " ]
  run -0 engine run --rm --network container:first --pid container:first --ipc container:first busybox \
    sh -c 'tr "\0" " " </proc/1/cmdline; touch /dev/shm/shared'
  [[ $output == *docker-init* ]]
  engine exec first test -e /dev/shm/shared
  engine rm -f first
  nothing_left
}

@test "as with runc: the process" {
  same -u nobody busybox sh -c 'id; umask; ulimit -a; grep -E "^(Cap|NoNew|Seccomp:|Groups|Sig(Blk|Ign))" /proc/self/status |
    sed "/^SigIgn/s/[0-9a-f]*\([0-9a-f]\{7\}\)$/\1/"' # runc hands on that its caller ignores 32, as make does for its children
  same --security-opt no-new-privileges --security-opt seccomp=unconfined --oom-score-adj 500 busybox \
    sh -c 'grep -E "^(NoNew|Seccomp:)" /proc/self/status; cat /proc/self/oom_score_adj'
  same -e A= -e B -e C='x y' busybox sh -c 'env; pwd; ls -l /proc/self/fd 2>/dev/null | wc -l' # ls's own descriptor is gone when it looks
}

@test "as with runc: devices, file systems, cgroups" {
  # without the minute, which may be another by the second run; on one stream, for docker carries two in no order
  same --device /dev/null:/dev/other:r busybox sh -c 'exec 2>&1; ls -l /dev | sed -E "s/ [A-Z][a-z]+ +[0-9]+ [0-9]+:[0-9]+ / /"; mknod /n c 1 3; echo >/n && echo opened; mknod /k c 1 11; cat /k'
  same --tmpfs /t:size=1m,mode=700,uid=3 --shm-size 8m busybox sh -c 'mount | grep -E " /(t|dev/shm|dev/mqueue) "; stat -c "%a %u" /t'
  same --cgroupns private busybox cat /proc/self/cgroup
  same busybox sh -c 'exec 2>&1; ls -l /proc/acpi /sys/firmware; echo 1 >/proc/sys/kernel/domainname; cat /proc/keys | wc -c'
  same --cpuset-cpus 999 busybox true
  nothing_left
}
