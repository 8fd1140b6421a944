#!/bin/bash
# tare run --rm with one published port, with network alone and with none, and tare exec, beside the floor and crun (which have a network namespace, and
# nothing in it). For the VM guest (tests/vm/guest/90-bench.sh), where cgroups are v2 alone and there is no docker; needs no more than what
# bench/oci.sh does. bench/start-port.sh has docker.
set -euo pipefail
bench=${TARE_BENCH:-${TARE_BIN%/bin}/bench} n=${BENCH_ROUNDS:-20}
work=$(mktemp -d /var/tmp/tare-bench.XXXXXX) # where a user namespace can map it
trap '"$TARE_BIN/tare" --root "$work/tare" --state "$work/tare-run" rm -f bench >/dev/null 2>&1; rm -rf --one-file-system "$work"' EXIT
mkdir -p "$work/rootfs/bin"
cp "$(command -v busybox)" "$work/rootfs/bin/busybox"; ln -s busybox "$work/rootfs/bin/true"
(cd "$work" && runc spec)
jq --arg r "$work/rootfs" '.process.terminal = false | .process.args = ["/bin/true"] | .root.path = $r
  | del(.process.rlimits, .process.capabilities.ambient)' "$work/config.json" >"$work/new" && mv "$work/new" "$work/config.json"
tare="$TARE_BIN/tare --root $work/tare --state $work/tare-run"
$tare load -q -i "$1" >/dev/null
$tare run -d --name bench --network none busybox sleep 100000 >/dev/null
"$bench/bench-rounds" "$n" \
  floor "$bench/bench-floor $work/rootfs bench-floor /bin/true" \
  tare-port "$tare run --rm -p 8080:80 busybox true" \
  tare-net "$tare run --rm busybox true" \
  tare-none "$tare run --rm --network none busybox true" \
  crun "crun --root $work/crun run -b $work bench-crun" \
  runc "runc --root $work/runc run -b $work bench-runc" \
  tare-exec "$tare exec bench true" |
  jq -R -s --arg kernel "$(uname -r)" '
    def at($p): sort | .[(length * $p | floor)];
    split("\n") | map(select(. != "") | split(" ")) | group_by(.[0])
    | map({(.[0][0]): (map(.[1] | tonumber / 1000) | {wall_median_ms: at(0.5), wall_p90_ms: at(0.9), wall_min_ms: min, rounds: length})}) | add | . as $r
    | {name: "guest-run", what: "tare run --rm -p 8080:80 busybox true", versions: {kernel: $kernel}, results: $r,
      ratios: {"port/floor": ($r["tare-port"].wall_median_ms / $r.floor.wall_median_ms), "none/floor": ($r["tare-none"].wall_median_ms / $r.floor.wall_median_ms),
        "exec/none": ($r["tare-exec"].wall_median_ms / $r["tare-none"].wall_median_ms), "port/none": ($r["tare-port"].wall_median_ms / $r["tare-none"].wall_median_ms), "runc/port": ($r.runc.wall_median_ms / $r["tare-port"].wall_median_ms),
        "crun/port": ($r.crun.wall_median_ms / $r["tare-port"].wall_median_ms)}}'
