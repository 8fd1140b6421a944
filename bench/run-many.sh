#!/bin/bash
# What bench/many.sh and bench/engine.sh measure of many containers, for the VM guest (tests/vm/guest/90-bench.sh), where cgroups are v2 alone:
# tare run --rm beside none and beside BENCH_MANY running ones, exec and ps then, and 50 at once and exec beside docker, which needs no network there.
set -euo pipefail
bench=${TARE_BENCH:-${TARE_BIN%/bin}/bench} n=${BENCH_ROUNDS:-15} many=${BENCH_MANY:-500} once=50
work=$(mktemp -d /var/tmp/tare-bench.XXXXXX) # where a user namespace can map it
tare="$TARE_BIN/tare --root $work/tare --state $work/tare-run" dockerd=
finish() {
  $tare ps -aq | xargs -r $tare rm -f >/dev/null 2>&1 || true
  [ -z "$dockerd" ] || { kill "$dockerd"; wait "$dockerd" || true; }
  rm -rf --one-file-system "$work"
}
trap finish EXIT
say() { echo "bench: $1" >&2; }
rounds() { # LABEL COMMAND...
  "$bench/bench-rounds" "$n" "$@" | jq -R -s 'split("\n") | map(select(. != "") | split(" ")) | group_by(.[0])
    | map({(.[0][0]): (map(.[1] | tonumber / 1000) | sort | {median_ms: .[length / 2 | floor], p90_ms: .[length * 0.9 | floor], rounds: length})}) | add'
}
short() { rounds run "$tare run --rm busybox true" run-none "$tare run --rm --network none busybox true"; }
once_ms() { # COMMAND
  local i s pids=()
  s=$(date +%s%N)
  for ((i = 0; i < once; i++)); do $1 >/dev/null & pids+=($!); done
  for i in "${pids[@]}"; do wait "$i"; done
  echo $((($(date +%s%N) - s) / 1000000))
}

$tare load -q -i "$1" >/dev/null
say "alone"
alone=$(short)
at_once=$(once_ms "$tare run -d --network none busybox sleep 100000")
for ((i = once; i < many; i++)); do $tare run -d --network none busybox sleep 100000 >/dev/null; done
say "beside $many"
beside=$(short)
others=$(rounds exec "$tare exec $($tare ps -lq) true" ps "$tare ps")
$tare ps -aq | xargs $tare rm -f >/dev/null
docker=null
if command -v dockerd >/dev/null; then
  say "docker"
  export DOCKER_HOST=unix://$work/docker.sock
  dockerd --data-root "$work/docker" --exec-root "$work/docker-exec" --pidfile "$work/docker.pid" -H "$DOCKER_HOST" --bridge=none --iptables=false \
    --storage-driver overlay2 >"$work/dockerd.log" 2>&1 & dockerd=$!
  for _ in $(seq 100); do docker version >/dev/null 2>&1 && break; sleep 1; done
  $tare save busybox | docker load -q >/dev/null || { tail -5 "$work/dockerd.log" >&2; exit 1; }
  docker run -d --name bench --network none busybox sleep 100000 >/dev/null
  $tare run -d --name bench --network none busybox sleep 100000 >/dev/null
  docker=$(rounds exec "docker exec bench true" tare-exec "$tare exec bench true" | jq --argjson once "$(once_ms "docker run -d --network none busybox sleep 100000")" '. + {once_ms: $once}')
  docker ps -aq | xargs docker rm -f >/dev/null
fi
jq -n --argjson alone "$alone" --argjson beside "$beside" --argjson others "$others" --argjson once "$at_once" --argjson docker "$docker" --arg n "$many" --arg kernel "$(uname -r)" '
  {name: "guest-many", versions: {kernel: $kernel},
   results: ({"50 at once": {ms: $once}} + ($alone | with_entries(.key += ", alone")) + ($beside | with_entries(.key += ", beside \($n)"))
     + ($others | with_entries(.key += ", beside \($n)")) + (if $docker then {"docker, 50 at once": {ms: $docker.once_ms}, "docker exec": $docker.exec, "exec, alone": $docker["tare-exec"]} else {} end)),
   ratios: ({"run --rm: beside \($n) / alone": ($beside.run.median_ms / $alone.run.median_ms),
     "run --rm --network none: beside \($n) / alone": ($beside["run-none"].median_ms / $alone["run-none"].median_ms)}
     + (if $docker then {"50 at once: docker/tare": ($docker.once_ms / $once), "exec: docker/tare": ($docker.exec.median_ms / $docker["tare-exec"].median_ms)} else {} end))}'
