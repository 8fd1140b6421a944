#!/usr/bin/env bats
# Debian's containerd and its shim with tare-oci as their runtime, by `ctr`.

load ../lib/common
load ../lib/docker
load ../lib/engines

I=docker.io/library/busybox:latest

setup_file() {
  engine_setup_file
  cat >"$W/containerd.toml" <<X
version = 2
root = "$W/containerd"
state = "$W/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
address = "$W/containerd.sock"
X
  containerd --config "$W/containerd.toml" >"$W/containerd.log" 2>&1 3>&- &
  export CONTAINERD_PID=$! NO_CONTAINERD=
  disown # a test kills it, of which bats need not tell
  wait_until 20 containerd_has_decided || true
  if containerd_answers; then
    ctr_ images import "$(busybox_archive)"
  else
    NO_CONTAINERD="containerd does not start here: $(tail -n 1 "$W/containerd.log")"
  fi
}
containerd_answers() { ctr_ version >/dev/null 2>&1; }
containerd_has_decided() { ! kill -0 "$CONTAINERD_PID" 2>/dev/null || containerd_answers; }

setup() { [ -z "$NO_CONTAINERD" ] || skip "$NO_CONTAINERD"; }

teardown() {
  local id
  for id in $(ctr_ task ls -q 2>/dev/null); do ctr_ task rm -f "$id" >/dev/null 2>&1 || true; done
  for id in $(ctr_ container ls -q 2>/dev/null); do ctr_ container rm "$id" >/dev/null 2>&1 || true; done
}

# The shims end with their tasks; engine_teardown_file ends those that do not.
teardown_file() {
  teardown
  [ ! -e "$W/containerd.pid" ] || CONTAINERD_PID=$(cat "$W/containerd.pid")
  [ -z "${CONTAINERD_PID:-}" ] || kill "$CONTAINERD_PID" 2>/dev/null || true
  wait_until 10 containerd_is_gone || true
  engine_teardown_file
}
containerd_is_gone() { [ "$(ps -o comm= -o stat= -p "$CONTAINERD_PID" | grep -vc ' Z')" = 0 ]; }

ctr_() { ctr -a "$W/containerd.sock" "$@"; }
# Options before the image, as ctr wants them: ctr_run ID [OPTION...] -- COMMAND...
ctr_run() {
  local id=$1 options=(); shift
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  ctr_ run --runc-binary "$TARE_BIN/tare-oci" --runc-root "$W/oci" --fifo-dir "$W/fifo" --cgroup "/$PEER_CGROUP/$id" \
    "${options[@]}" $I "$id" "$@"
}
ctr_exec() { ctr_ task exec --fifo-dir "$W/fifo" --exec-id "e$RANDOM" "$@"; }
export -f ctr_ ctr_run ctr_exec
export I

is_task() { [ "$(ctr_ task ls | awk -v i="$1" '$1 == i { print $3 }')" = "$2" ]; }
removed() { # ID: its task and itself
  ctr_ task rm -f "$1" >/dev/null 2>&1 || true
  ctr_ container rm "$1"
  nothing_left
}

@test "run: output, exit code, environment, rights" {
  run -7 --separate-stderr ctr_run one --rm -- sh -c 'echo out; echo err >&2; exit 7'
  [ "$output" = out ]
  # shellcheck disable=SC2154
  [ "$stderr" = err ]
  run -0 ctr_run one --rm --env A=b --cwd /tmp --cap-drop CAP_CHOWN --read-only --mount "type=bind,src=$W,dst=/given,options=rbind:ro" \
    -- sh -c 'echo $A; pwd; grep -E "CapEff|NoNewPrivs" /proc/self/status; ls /given/containerd.toml; touch /x || echo read-only'
  has_lines b /tmp $'CapEff:\t00000000a80425fa' $'NoNewPrivs:\t1' /given/containerd.toml read-only
  run -0 ctr_run one --rm --seccomp --net-host -- grep Seccomp: /proc/self/status
  has_lines $'Seccomp:\t2'
  nothing_left
}

# No user namespace here: with --uidmap ctr 1.6 forgets --runc-binary, and runc runs the container.
@test "run: privileged" {
  run -0 ctr_run one --rm --privileged -- sh -c 'mknod /null c 1 3 && echo x >/null && echo opened'
  has_lines opened
  nothing_left
}

@test "run: a command that cannot" {
  run ! ctr_run bad --rm -- /nosuch
  [[ $output != *"runc create"* ]]
  [[ $output == *'OCI runtime create failed'*'exec: "/nosuch": no such file or directory'* ]]
  nothing_left
}

@test "terminals" {
  run -0 on_terminal ctr_run tty --rm -t -- tty
  has_lines /dev/pts/0
  ctr_run tty -d -- sleep 1000
  run -5 on_terminal ctr_exec -t tty sh -c 'tty; exit 5'
  has_lines /dev/pts/0
  removed tty
}

@test "exec, list of processes" {
  ctr_run box -d -- sleep 1000
  is_task box RUNNING
  run -9 --separate-stderr ctr_exec --cwd /tmp --user 1 box sh -c 'id -u; pwd; echo err >&2; exit 9'
  [ "$output" = $'1\n/tmp' ]
  [ "$stderr" = err ]
  run ! ctr_exec box /nosuch
  [[ $output == *'OCI runtime exec failed'*'no such file or directory'* ]]
  ctr_exec box sh -c 'sleep 500 &'
  [ "$(ctr_ task ps box | tail -n +2 | wc -l)" = 2 ]
  removed box
}

@test "limits, metrics, out of memory" {
  ctr_run tight -d --memory-limit 67108864 --cpus 0.5 -- sleep 1000
  has_limits tight 67108864 50000 max
  run -0 ctr_ task metrics tight
  [[ $output =~ memory.usage_in_bytes\ +[1-9] ]]
  removed tight
  run -137 ctr_run oom --rm --memory-limit 16777216 -- tail /dev/zero
  nothing_left
}

@test "pause and resume" {
  ctr_run ice -d -- sleep 1000
  ctr_ task pause ice
  is_task ice PAUSED
  ctr_ task resume ice
  is_task ice RUNNING
  ctr_exec ice true
  removed ice
}

@test "kill: a signal, all processes; the exit code is kept for delete" {
  ctr_run trap -d -- sh -c 'trap "exit 3" USR1; touch /ready; while :; do sleep 0.1; done'
  wait_until 10 ctr_exec trap test -e /ready
  ctr_ task kill -s USR1 trap
  wait_until 10 is_task trap STOPPED
  run ctr_ task delete trap
  [[ $output == *"non-zero exit code 3"* ]]
  removed trap
  ctr_run all -d -- sh -c 'sleep 500 & exec sleep 1000'
  ctr_ task kill -a -s KILL all
  wait_until 10 is_task all STOPPED
  removed all
}

@test "containerd is killed: the container lives on and is found again" {
  ctr_run lives -d -- sleep 1000
  kill -9 "$CONTAINERD_PID"
  wait_until 10 containerd_is_gone
  containerd --config "$W/containerd.toml" >>"$W/containerd.log" 2>&1 3>&- &
  CONTAINERD_PID=$!
  echo "$CONTAINERD_PID" >"$W/containerd.pid"
  wait_until 20 containerd_answers
  is_task lives RUNNING
  ctr_exec lives true
  removed lives
}
