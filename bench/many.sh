#!/bin/bash
# tare run -d of N containers, one after the other: the last ones against the first ones; tare run --rm to its end, with a network and
# without, and what the kernel alone takes for about that (bench/floor.c: no overlay, no user namespace), beside none and beside all of
# them; tare exec and ps then; the monitors' private memory (USS, keeper and worker together).
. bench/lib.bash
n=${BENCH_MANY:-500}
with_journal
make_images
$TARE load -i "$BENCH_WORK/busybox.tar" >/dev/null
end_many() {
  $TARE ps -q | xargs -r $TARE rm -f >/dev/null 2>&1 || true
  end_bench
}
trap end_many EXIT
mkdir -p "$BENCH_WORK/rootfs"/{bin,dev,proc,sys}
cp "$(command -v busybox)" "$BENCH_WORK/rootfs/bin/busybox"; ln -s busybox "$BENCH_WORK/rootfs/bin/true"
short() {
  rounds "${BENCH_ROUNDS:-20}" "run --rm" "$TARE run --rm busybox true" "run --rm --network none" "$TARE run --rm --network none busybox true" \
    "kernel alone" "$TARE_BUILD/bench/bench-floor $BENCH_WORK/rootfs bench-many /bin/true"
}
alone=$(short)
: >"$BENCH_WORK/times"
for ((i = 1; i <= n; i++)); do
  s=$(date +%s%N); $TARE run -d --network none busybox sleep 3600 >/dev/null; e=$(date +%s%N)
  echo $(((e - s) / 1000)) >>"$BENCH_WORK/times"
done
beside=$(short)
last=$($TARE ps -lq)
others=$(rounds "${BENCH_ROUNDS:-20}" exec "$TARE exec $last true" ps "$TARE ps")
uss=$(for f in "$BENCH_WORK"/tare-run/*/state.json; do
  total=0
  for p in $(jq -r '.keeper, .worker' "$f"); do
    kb=$(awk '/^Private/ { s += $2 } END { print s + 0 }' "/proc/$p/smaps_rollup"); total=$((total + kb))
  done
  echo "$total"
done | sort -n | jq -s '{median_kb: .[length / 2 | floor], max_kb: .[-1], containers: length}')
jq -s --argjson n "$n" --argjson alone "$alone" --argjson beside "$beside" --argjson others "$others" --argjson uss "$uss" --argjson v "$(versions)" '
  def median: sort | .[length / 2 | floor];
  (.[:20] | median) as $first | (.[-20:] | median) as $last |
  {name: "many", what: "run -d, the last 20 of \($n) against the first 20; run --rm beside none and beside \($n); exec and ps then; USS of keeper + worker per container", versions: $v,
   results: ({first_20_median_ms: ($first / 1000), last_20_median_ms: ($last / 1000), all_median_ms: (median / 1000), monitor_uss: $uss}
     + ($alone | with_entries(.key += ", alone")) + ($beside | with_entries(.key += ", beside \($n)")) + ($others | with_entries(.key += ", beside \($n)"))),
   ratios: ({last_over_first: ($last / $first)}
     + ($beside | with_entries({key: "\(.key): beside \($n) / alone", value: (.value.median_ms / $alone[.key].median_ms)}))),
   target: "last / first, beside / alone <= 1.2; USS <= 300 kB"}' "$BENCH_WORK/times"
