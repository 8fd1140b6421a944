# Debian's engines on top of tare-oci. Each is the test file's own: its data, sockets, state and the runtime's below the
# file's folder, its cgroups below $PEER_CGROUP, no network of its own.
#
#   load ../lib/common; load ../lib/docker; load ../lib/engines
#   setup_file()    { engine_setup_file; start it; }
#   teardown_file() { stop it; engine_teardown_file; }
#
# A file defines `engine`, the client, and `id_of NAME`, the full id of a container. What docker and podman have in
# common is checked by check_* below.
# shellcheck shell=bash

engine_setup_file() {
  tare_setup_file
  export W=$BATS_FILE_TMPDIR PEER_CGROUP=tare/engine-$$
  # For engines that give the runtime no --root. An option of podman's would not do: the cleanup that conmon starts when
  # a container has ended does not know of it.
  printf '#!/bin/sh\nexec %q --root %q "$@"\n' "$TARE_BIN/tare-oci" "$W/oci" >"$W/tare-oci"
  chmod 755 "$W/tare-oci"
  ls /sys/fs/cgroup >"$W/hierarchies"
}

# Processes of the engines that name the file's folder: dead ones have no arguments.
engine_processes() {
  ps -eo pid=,comm=,args= |
    awk -v d="$W/" '$2 ~ /^(tare|containerd|dockerd|conmon|podman|buildah)/ && index($0, d) { print $1 }'
}

# What a container leaves where it was not removed wholly: its cgroups (those of conmon are podman's, which it keeps) and
# the runtime's records of it, wherever an engine has it keep them.
container_traces() {
  find /sys/fs/cgroup -mindepth 4 -type d -path "*/$PEER_CGROUP/*" ! -name conmon 2>/dev/null
  find "$W/oci" "$W"/docker-exec/runtime-* -name state.json 2>/dev/null
}
no_traces() { [ -z "$(container_traces)" ]; }
nothing_left() { wait_until 10 no_traces || { container_traces; return 1; }; }

# After the engine was stopped; whatever happened before.
engine_teardown_file() {
  local pids
  pids=$(engine_processes) || true
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill -9 $pids 2>/dev/null || true
  if [ -n "$pids" ] || ! no_traces; then
    echo "the engine has left:" >&2; container_traces >&2
    find /sys/fs/cgroup -path "*/$PEER_CGROUP/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -9 || true
  fi
  unmount_peers
  wait_until 5 engine_cgroups_are_gone || true
  # what podman took for hierarchies
  comm -13 "$W/hierarchies" <(ls /sys/fs/cgroup) | while read -r d; do
    mountpoint -q "/sys/fs/cgroup/$d" || find "/sys/fs/cgroup/$d" -xdev -depth -type d -empty -delete
  done
  tare_teardown_file
}
engine_cgroups_are_gone() {
  remove_peer_cgroups
  [ -z "$(find /sys/fs/cgroup -type d -path "*/$PEER_CGROUP*")" ]
}

# The busybox image in docker's format, which all of them read.
docker_busybox() {
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:busybox:latest" && echo "$W/busybox.tar"
}

# What the kernel was told of a container: memory in bytes, the CPU quota in microseconds, processes.
limit() { # ID memory|cpu|pids
  local v1 v2
  case $2 in
  memory) v1=memory.limit_in_bytes v2=memory.max ;;
  cpu) v1=cpu.cfs_quota_us v2=cpu.max ;;
  pids) v1=pids.max v2=pids.max ;;
  esac
  find /sys/fs/cgroup -path "*/$PEER_CGROUP/*$1/*" \( -name $v1 -o -name $v2 \) -exec cat {} + | cut -d' ' -f1
}
has_limits() { # ID MEMORY CPU PIDS
  [ "$(limit "$1" memory) $(limit "$1" cpu) $(limit "$1" pids)" = "$2 $3 $4" ] ||
    { limit "$1" memory; limit "$1" cpu; limit "$1" pids; return 1; }
}

# Runs a command on a terminal of its own.
on_terminal() { (set -o pipefail; SHELL=/bin/bash script -qec "$(printf '%q ' "$@")" /dev/null </dev/null | sed 's/\^@//g'); }

# The output of `run` has these lines.
has_lines() { # LINE...
  local l
  for l in "$@"; do
    # shellcheck disable=SC2154
    grep -qxF -- "$l" <<<"${output//$'\r'/}" || { echo "no line: $l"; echo "$output"; return 1; }
  done
}

# ---- docker and podman ----

is_engine_state() { [ "$(engine inspect -f '{{.State.Status}}' "$1")" = "$2" ]; }

engine_sleeper() { # NAME [OPTION...]
  local name=$1; shift
  engine run -d --name "$name" --network none --cgroup-parent "/$PEER_CGROUP" "$@" busybox sleep 1000 >/dev/null
}
engine_run() { engine run --rm --network none --cgroup-parent "/$PEER_CGROUP" "$@"; }

check_run() {
  run -7 --separate-stderr engine_run busybox sh -c 'echo out; echo err >&2; exit 7'
  [ "$output" = out ]
  # shellcheck disable=SC2154
  [ "$stderr" = err ]
  [ "$(echo "through a pipe" | engine_run -i busybox cat)" = "through a pipe" ]
  run -0 engine_run -u 1:1 --group-add 7 -e A=b -w /tmp --hostname peer --cap-drop ALL --cap-add CHOWN --read-only \
    --tmpfs /scratch:size=1m --sysctl kernel.shmmax=1000000 -v "$W/tare-oci:/given:ro" --ulimit nofile=100:200 \
    --ulimit nproc=500:600 busybox sh -c 'id -u; id -G; echo $A; pwd; hostname; grep CapBnd /proc/self/status; ulimit -n
      ulimit -Hn; cat /proc/sys/kernel/shmmax; head -1 /given; touch /scratch/x && echo written; touch /x || echo read-only'
  has_lines 1 "1 7" b /tmp peer $'CapBnd:\t0000000000000001' 100 200 1000000 '#!/bin/sh' written read-only
  run -0 engine run --rm --cgroup-parent "/$PEER_CGROUP" --network host --pid host --ipc host busybox sh -c 'test -d /proc/'$$' && echo seen'
  [ "$output" = seen ]
  nothing_left
}

check_terminal() {
  # podman attaches late: of a container that has ended by then it shows nothing, under runc neither (4 in 10 are lost)
  run -0 on_terminal engine_run -it busybox sh -c 'tty; test -c /dev/console && echo console; sleep 0.5'
  has_lines /dev/pts/0 console
  engine_sleeper tty
  run -5 on_terminal engine exec -it tty sh -c 'tty; exit 5'
  has_lines /dev/pts/0
  engine rm -f tty
  nothing_left
}

# A command at fault is not a runtime at fault.
check_faults() {
  run -127 engine_run busybox /nosuch
  run -127 engine_run busybox nosuch
  run -126 engine_run busybox /etc/passwd
  [[ $output != *"runc create"* ]] # an engine that took another runtime after all
  run -126 engine_run busybox /etc
  nothing_left
}

check_exec() {
  engine_sleeper box -u 1:1
  run -9 --separate-stderr engine exec box sh -c 'id -u; echo err >&2; cat /proc/1/cmdline | tr "\0" " "; exit 9'
  has_lines 1 'sleep 1000 '
  [ "$stderr" = err ]
  run -0 engine exec -u 0:7 -w /tmp -e A=b box sh -c 'id -u; id -g; pwd; echo $A'
  [ "$output" = $'0\n7\n/tmp\nb' ]
  [ "$(echo piped | engine exec -i box cat)" = piped ]
  run -137 engine exec box sh -c 'kill -9 $$'
  engine exec -d box sh -c 'touch /tmp/detached'
  wait_until 10 engine exec box test -e /tmp/detached
  run -126 engine exec box /etc/passwd
  run "-$EXEC_MISSING" engine exec box /nosuch
  # shellcheck disable=SC2046
  grep -q "$PEER_CGROUP/.*$(id_of box)" /proc/$(engine inspect -f '{{.State.Pid}}' box)/cgroup
  engine rm -f box
  nothing_left
}

check_limits() {
  engine_sleeper tight -m 64m --cpus 0.5 --pids-limit 50
  has_limits "$(id_of tight)" 67108864 50000 50
  engine update -m 32m --memory-swap 64m --cpus 0.25 tight
  has_limits "$(id_of tight)" 33554432 25000 50
  # the engine finds its numbers where the runtime has put the container (podman's limit is of the time of create)
  run -0 engine stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' tight
  [[ $output =~ ^[1-9].*\ 1$ ]]
  run ! engine exec tight sh -c 'for i in $(seq 60); do sleep 5 & done; wait'
  run -137 engine exec tight tail /dev/zero
  engine rm -f tight
  nothing_left
}

check_pause() {
  engine_sleeper ice
  engine pause ice
  is_engine_state ice paused
  run ! engine exec ice true
  engine unpause ice
  is_engine_state ice running
  engine exec ice true
  engine rm -f ice
  nothing_left
}

check_kill() {
  engine run -d --name trap --network none --cgroup-parent "/$PEER_CGROUP" busybox sh -c \
    'trap "echo got it; exit 3" USR1; touch /ready; while :; do sleep 0.1; done' >/dev/null
  wait_until 10 engine exec trap test -e /ready
  engine top trap | grep -q 'touch /ready'
  engine kill -s USR1 trap
  [ "$(engine wait trap)" = 3 ]
  [ "$(engine logs trap)" = "got it" ]
  nothing_left
  engine start trap
  is_engine_state trap running
  engine restart -t 1 trap
  is_engine_state trap running
  engine stop -t 1 trap
  [ "$(engine inspect -f '{{.State.ExitCode}}' trap)" = 137 ]
  engine rm trap
  nothing_left
}

# Everything: all devices, writable settings, nodes that open.
check_privileged() {
  run -0 engine_run --privileged busybox sh -c 'mknod /null c 1 3 && echo x >/null && echo opened
    mkdir /m && mount -t tmpfs none /m && echo mounted; test -w /proc/sys/kernel/hostname && echo writable'
  has_lines opened mounted writable
  nothing_left
}
