#!/bin/bash
# What people wait for beside `run`: exec, ps with many containers, the log of a container that wrote a lot, many started at once, and what all
# processes together hold for 100 containers. BENCH_ROUNDS, BENCH_PS (1000 containers), BENCH_RUNNING (100), BENCH_ONCE (50),
# BENCH_LOG_MB (1024); BENCH_PARTS: some of "exec ps logs memory once".
. bench/lib.bash
n=${BENCH_ROUNDS:-20} parts=${BENCH_PARTS:-exec ps logs memory once}
many=${BENCH_PS:-1000} running=${BENCH_RUNNING:-100} once=${BENCH_ONCE:-50} log_mb=${BENCH_LOG_MB:-1024}
results='{}'
D=/usr/bin/docker

part() { [[ " $parts " == *" $1 "* ]]; }
# note NAME JSON: one of the results
note() { results=$(jq --arg k "$1" --argjson v "$2" '. + {($k): $v}' <<<"$results"); say "$1: $(jq -c . <<<"$2")"; }
end_engine() {
  $TARE ps -aq | xargs -r $TARE rm -f >/dev/null 2>&1 || true
  [ -z "$DOCKERD_PID" ] || $D ps -aq | xargs -r $D rm -f >/dev/null 2>&1 || true
  end_bench
}
trap end_engine EXIT
remove_all() {
  $TARE ps -aq | xargs -r $TARE rm -f >/dev/null
  $D ps -aq | xargs -r $D rm -f >/dev/null
}

# pss_kb PID...: proportional memory of these processes together
pss_kb() {
  local p
  for p in "$@"; do cat "/proc/$p/smaps_rollup" 2>/dev/null || true; done | awk '/^Pss:/ { s += $2 } END { print s + 0 }'
}
# descend PID: it and all below it
descend() { echo "$1"; local c; for c in $(pgrep -P "$1" || true); do descend "$c"; done; }

# write_log MB: lines as programs write them
write_log() {
  python3 - "$1" <<'P'
import sys
line = b"2026-11-29 12:00:00 INFO some.module: request handled in 12 ms, path=/api/v1/things status=200 bytes=1234\n"
lines = (int(sys.argv[1]) << 20) // len(line)
chunk = line * 1000
for _ in range(lines // 1000):
    sys.stdout.buffer.write(chunk)
P
}

bench_exec() {
  $TARE run -d --name bench-exec --network none busybox sleep 100000 >/dev/null
  $D run -d --name bench-exec --network none busybox sleep 100000 >/dev/null
  note exec "$(rounds "$n" tare "$TARE exec bench-exec true" docker "$D exec bench-exec true")"
  remove_all
}

# Of tare alone: it has a limit in milliseconds, and docker takes minutes to make as many.
bench_ps() {
  local i
  say "$many containers"
  for ((i = 0; i < many; i++)); do $TARE create --network none busybox true >/dev/null; done
  note ps "$(rounds "$n" tare "$TARE ps -a")"
  $TARE ps -aq | xargs $TARE rm -f >/dev/null
}

# What cat does with the file, into nothing and into a pipe.
bench_logs() {
  local path
  write_log "$log_mb" >"$BENCH_WORK/lines"
  say "a log of $log_mb MB of text"
  $TARE run --name bench-logs --network none -v "$BENCH_WORK/lines:/lines:ro" busybox cat /lines >/dev/null
  path=$($TARE inspect -f '{{.LogPath}}' bench-logs)
  cat "$path" >/dev/null
  note logs "$(rounds "${BENCH_LOG_ROUNDS:-5}" tare "$TARE logs bench-logs" cat "cat $path" \
    tare-pipe "sh -c '$TARE logs bench-logs | cat >/dev/null'" cat-pipe "sh -c 'cat $path | cat >/dev/null'" tare-times "$TARE logs -t bench-logs" tare-tail "$TARE logs -n 100 bench-logs")"
  $TARE rm bench-logs >/dev/null
  rm "$BENCH_WORK/lines"
}

# shellcheck disable=SC2046
bench_memory() {
  local i ours theirs
  say "$running running containers of each"
  for ((i = 0; i < running; i++)); do $TARE run -d --network none busybox sleep 100000 >/dev/null; done
  ours=$(pss_kb $(jq -r '.keeper, .worker' "$BENCH_WORK"/tare-run/*/state.json))
  $TARE ps -aq | xargs $TARE rm -f >/dev/null
  for ((i = 0; i < running; i++)); do $D run -d --network none busybox sleep 100000 >/dev/null; done
  # the containers' own processes are below the shims, which have left the daemon: by the daemon's socket in their command line
  theirs=$(pss_kb $(descend "$DOCKERD_PID") $(pgrep -f "containerd-shim.*-address $BENCH_WORK/docker-exec" || true))
  remove_all
  note memory_kb "$(jq -n --argjson tare "$ours" --argjson docker "$theirs" '$ARGS.named')"
}

# once_ms COMMAND: so many of it at the same instant, until the last has come back
once_ms() {
  local i s e pids=()
  s=$(date +%s%N)
  for ((i = 0; i < once; i++)); do $1 >/dev/null 2>>"$BENCH_WORK/once.err" & pids+=($!); done
  for i in "${pids[@]}"; do wait "$i" || echo "bench: one of '$1' failed" >&2; done
  e=$(date +%s%N)
  echo $(((e - s) / 1000000))
}

bench_once() {
  local i ours=() theirs=()
  say "$once started at once"
  for i in 1 2 3; do
    ours+=("$(once_ms "$TARE run -d --network none busybox sleep 100000")"); remove_all
    theirs+=("$(once_ms "$D run -d --network none busybox sleep 100000")"); remove_all
  done
  note once_ms "$(jq -n --argjson tare "$(printf '%s\n' "${ours[@]}" | sort -n | sed -n 2p)" \
    --argjson docker "$(printf '%s\n' "${theirs[@]}" | sort -n | sed -n 2p)" '$ARGS.named')"
}

with_journal
make_images
$TARE load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
start_dockerd
$D load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
for p in $parts; do "bench_$p"; done
jq -n --argjson r "$results" --argjson v "$(versions)" '
  {name: "engine", what: "exec, ps, logs, memory of running containers, many at once", versions: $v,
   results: ([$r | to_entries[] | .key as $k | if (.value | to_entries[0].value | type) == "object"
     then .value | to_entries[] | {key: "\($k) \(.key)", value: .value} else . end] | from_entries),
   ratios: ({} + (if $r.exec then {"exec: docker/tare": ($r.exec.docker.median_ms / $r.exec.tare.median_ms)} else {} end)
     + (if $r.logs then {"logs: tare/cat": ($r.logs.tare.median_ms / $r.logs.cat.median_ms),
                         "logs into a pipe: tare/cat": ($r.logs["tare-pipe"].median_ms / $r.logs["cat-pipe"].median_ms)} else {} end)
     + (if $r.memory_kb then {"memory: docker/tare": ($r.memory_kb.docker / $r.memory_kb.tare)} else {} end)
     + (if $r.once_ms then {"at once: docker/tare": ($r.once_ms.docker / $r.once_ms.tare)} else {} end)),
   target: "exec >= 10; ps < 20 ms; logs <= 2; memory >= 20; at once >= 15"}'
