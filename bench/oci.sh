#!/bin/bash
# tare-oci against crun, runc and the floor (bench/floor.c: what the kernel alone asks for) with one bundle, runc's default
# config without a terminal: run, exec, peak memory, the smallest limit of memory that starts it, state and list among
# BENCH_MANY containers. CPU is user and system time of the runtime and all that it waited for; it is what to compare
# where the machine is busy. On a hybrid machine crun, which refuses it, has the v2 hierarchy hidden from it beforehand.
# Needs no more than jq beside the programs, so that it runs in the VM guest as well (bench/guest).
set -euo pipefail
bench=${TARE_BENCH:-${TARE_BIN%/bin}/bench} n=${BENCH_ROUNDS:-20} many=${BENCH_MANY:-1000}
state=$(mktemp -d -p "$(findmnt -n -o FSTYPE /run | grep -qx tmpfs && echo /run || echo /dev/shm)" tare-bench.XXXXXX) # as /run/runc is: no disk
hidden=
has() { command -v "$1" >/dev/null; }
end_bench() {
  local r
  for r in tare crun runc; do [ ! -d "$state/$r" ] || delete_all "$r"; done
  [ -z "$hidden" ] || kill "$hidden" 2>/dev/null || true
  find /sys/fs/cgroup -depth -type d -path "*/bench-*" -exec rmdir {} + 2>/dev/null || true
  rm -rf --one-file-system "$state"
}
trap end_bench EXIT
program() { case $1 in tare) echo "$TARE_BIN/tare-oci" ;; *) command -v "$1" ;; esac; }
# in the mount namespace that crun needs
oci() { # RUNTIME ARG...
  local r=$1 in=(); shift
  [ "$r" != crun ] || [ -z "$hidden" ] || in=(nsenter "--mount=/proc/$hidden/ns/mnt" --)
  "${in[@]}" "$(program "$r")" --root "$state/$r" "$@"
}
delete_all() { local c; for c in "$state/$1"/*/; do [ ! -d "$c" ] || oci "$1" delete -f "$(basename "$c")" >/dev/null 2>&1 || true; done; }
say() { echo "   $*" >&2; }

# bundle DIR FILTER: runc's default config over one small root
bundle() {
  mkdir -p "$1"
  jq --arg r "$state/rootfs" '.process.terminal = false | .process.args = ["/bin/true"] | .root.path = $r
    | del(.process.rlimits, .process.capabilities.ambient)' "$state/config.json" | jq "$2" >"$1/config.json"
}

# summary: the lines of bench-rounds as {"LABEL": {…}}
summary() {
  jq -R -s 'def at($p): sort | .[(length * $p | floor)];
    split("\n") | map(select(. != "") | split(" ")) | group_by(.[0]) | map({(.[0][0]):
      {cpu_median_ms: (map(.[2] | tonumber) | at(0.5) / 1000), cpu_min_ms: (map(.[2] | tonumber) | min / 1000),
       wall_median_ms: (map(.[1] | tonumber) | at(0.5) / 1000), wall_p90_ms: (map(.[1] | tonumber) | at(0.9) / 1000),
       wall_min_ms: (map(.[1] | tonumber) | min / 1000), peak_kb: (map(.[3] | tonumber) | max), rounds: length}}) | add'
}
rounds() { "$bench/bench-rounds" "$@" | summary; }
crun_ns() { [ -z "$hidden" ] || echo "-w /proc/$hidden/ns/mnt"; }
peers() { local r; for r in tare crun runc; do ! has "$(program $r)" || echo "$r"; done; }
# commands RUNTIME-COMMAND-LINE: LABEL COMMAND for each runtime, @ being its name
commands=()
for_peers() {
  local r
  commands=()
  for r in $(peers); do
    commands+=("$r$([ "$r" != crun ] || echo '*')" "$(program "$r") --root $state/$r ${1//@/$r}")
  done
}

measure_run() {
  for_peers "run -b $state/b bench-@"
  # shellcheck disable=SC2046
  rounds "$n" $(crun_ns) floor "$bench/bench-floor $state/rootfs bench-floor /bin/true" "${commands[@]}"
}

measure_exec() {
  local r
  bundle "$state/sleep" '.process.args = ["/bin/sleep", "1000"]'
  for r in $(peers); do oci "$r" run -d -b "$state/sleep" "bench-$r" </dev/null >/dev/null 2>&1; done
  for_peers "exec bench-@ /bin/true"
  # shellcheck disable=SC2046
  rounds "$n" $(crun_ns) "${commands[@]}"
  for r in $(peers); do delete_all "$r"; done
}

# the first power of two, in KiB, that three runs of three come through with
smallest_limit() { # RUNTIME
  local kb i
  for kb in 128 256 512 1024 2048 4096 8192 16384; do
    bundle "$state/tight" ".linux.resources.memory = {limit: ($kb * 1024), swap: ($kb * 1024)}"
    for i in 1 2 3; do
      oci "$1" run -b "$state/tight" tight </dev/null >/dev/null 2>&1 || { delete_all "$1"; continue 2; }
    done
    echo $kb
    return
  done
  echo null
}
measure_limits() { local r; for r in $(peers); do echo "{\"$r\": $(smallest_limit "$r")}"; done | jq -s add; }

# many created containers: an init that waits each, without namespaces but its own mounts, which cost most to make
measure_many() {
  local r i
  bundle "$state/many" '.linux.namespaces = [{type: "pid"}, {type: "mount"}] | .mounts |= map(select(.type == "proc" or .destination == "/dev"))
    | .linux.maskedPaths = [] | .linux.readonlyPaths = [] | del(.hostname)'
  for r in tare crun; do
    has "$(program $r)" || continue
    say "$many containers of $r"
    for ((i = 0; i < many; i++)); do
      jq ".linux.cgroupsPath = \"/bench-many-$r/$i\"" "$state/many/config.json" >"$state/many/config.tmp"
      mv "$state/many/config.tmp" "$state/many/config.json"
      oci $r create -b "$state/many" "c$i" </dev/null >/dev/null 2>"$state/err" || { cat "$state/err" >&2; return 1; }
    done
  done
  for_peers "state c$((many / 2))"
  # shellcheck disable=SC2046
  rounds "$n" $(crun_ns) "${commands[@]:0:4}" | jq '{state: .}'
  for_peers list
  # shellcheck disable=SC2046
  rounds "$n" $(crun_ns) "${commands[@]:0:4}" | jq '{list: .}'
  for r in tare crun; do delete_all $r; done
}

mkdir -p "$state/rootfs/bin"
cp "$(command -v busybox)" "$state/rootfs/bin/busybox"
ln -s busybox "$state/rootfs/bin/true"; ln -s busybox "$state/rootfs/bin/sleep"
(cd "$state" && runc spec)
bundle "$state/b" .
if [ -d /sys/fs/cgroup/unified ]; then
  unshare -m sh -c 'umount /sys/fs/cgroup/unified && exec sleep 100000' >/dev/null &
  hidden=$!
  until ! grep -q /sys/fs/cgroup/unified "/proc/$hidden/mountinfo"; do sleep 0.1; done
fi
run=$(measure_run); say "run: done"
exec=$(measure_exec); say "exec: done"
limits=$(measure_limits); say "limits: done"
listed='{}'
[ "$many" = 0 ] || listed=$(measure_many | jq -s add)
jq -n --argjson run "$run" --argjson exec "$exec" --argjson limits "$limits" --argjson many "$listed" --arg n "$many" \
  --arg kernel "$(uname -r)" --arg load "$(cut -d' ' -f1-3 /proc/loadavg)" --arg tare "$("$TARE_BIN/tare-oci" --version | head -1)" \
  --arg crun "$(crun --version 2>/dev/null | head -1)" --arg runc "$(runc --version 2>/dev/null | head -1)" '
  def over($a; $b; $f): if $a and $b then ($a[$f] / $b[$f]) else null end;
  {name: "oci", what: "tare-oci, crun, runc and the floor with runc'"'"'s default bundle, /bin/true; \($n) containers for state and list",
   versions: {kernel: $kernel, load: $load, tare: $tare, crun: $crun, runc: $runc},
   results: ({run: $run, exec: $exec, smallest_limit_kb: $limits} + $many),
   ratios: {"run, CPU, tare/floor": over($run.tare; $run.floor; "cpu_median_ms"), "run, CPU, tare/crun": over($run.tare; $run.crun; "cpu_median_ms"),
     "run, CPU, tare/runc": over($run.tare; $run.runc; "cpu_median_ms"), "run, least CPU, tare/floor": over($run.tare; $run.floor; "cpu_min_ms"),
     "run, least CPU, tare/crun": over($run.tare; $run.crun; "cpu_min_ms"), "run, wall, tare/floor": over($run.tare; $run.floor; "wall_median_ms"),
     "run, wall, tare/crun": over($run.tare; $run.crun; "wall_median_ms"), "run, wall p90, tare/crun": over($run.tare; $run.crun; "wall_p90_ms"),
     "exec, CPU, tare/crun": over($exec.tare; $exec.crun; "cpu_median_ms"), "exec, CPU, tare/runc": over($exec.tare; $exec.runc; "cpu_median_ms"),
     "state, CPU, tare/crun": over($many.state.tare; $many.state.crun; "cpu_median_ms"),
     "list, CPU, tare/crun": over($many.list.tare; $many.list.crun; "cpu_median_ms")} | map_values(select(. != null)),
   target: "run CPU <= 1.3 floor, 0.4 crun (1/3 on v2), 0.14 runc; exec <= 1/3 crun; peak <= 1536 kB; smallest limit <= crun'"'"'s"}'
