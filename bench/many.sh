#!/bin/bash
# tare run -d of N containers, one after the other: the last ones against the first ones; then the monitors' private
# memory (USS, keeper and worker together) and what stays with each container.
. bench/lib.bash
n=${BENCH_MANY:-500}
make_images
$TARE load -i "$BENCH_WORK/busybox.tar" >/dev/null
end_many() {
  $TARE ps -q | xargs -r $TARE rm -f >/dev/null 2>&1 || true
  end_bench
}
trap end_many EXIT
: >"$BENCH_WORK/times"
for ((i = 1; i <= n; i++)); do
  s=$(date +%s%N); $TARE run -d --network none busybox sleep 3600 >/dev/null; e=$(date +%s%N)
  echo $(((e - s) / 1000)) >>"$BENCH_WORK/times"
done
uss=$(for f in "$BENCH_WORK"/tare-run/*/state.json; do
  total=0
  for p in $(jq -r '.keeper, .worker' "$f"); do
    kb=$(awk '/^Private/ { s += $2 } END { print s + 0 }' "/proc/$p/smaps_rollup"); total=$((total + kb))
  done
  echo "$total"
done | sort -n | jq -s '{median_kb: .[length / 2 | floor], max_kb: .[-1], containers: length}')
jq -s --argjson n "$n" --argjson uss "$uss" --argjson v "$(versions)" '
  def median: sort | .[length / 2 | floor];
  (.[:20] | median) as $first | (.[-20:] | median) as $last |
  {name: "many", what: "run -d, the last 20 of \($n) against the first 20; USS of keeper + worker per container", versions: $v,
   results: {first_20_median_ms: ($first / 1000), last_20_median_ms: ($last / 1000), all_median_ms: (median / 1000), monitor_uss: $uss},
   ratios: {last_over_first: ($last / $first)}, target: "last / first <= 1.2; USS <= 300 kB"}' "$BENCH_WORK/times"
