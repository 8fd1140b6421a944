# Not a test: bench/oci.sh and bench/run-rm.sh on pure v2, for bench/guest.sh, which tells them apart by JSON and RUN.
# shellcheck shell=sh
[ -n "${BENCH:-}" ] || return 0

measures() {
  TARE_BIN=/suite/build/bin BENCH_ROUNDS=$BENCH BENCH_MANY=0 bash /suite/bench/oci.sh >/tmp/bench.json
}
check "bench/oci.sh" measures
sed 's/^/JSON /' /tmp/bench.json

runs() {
  TARE_BIN=/suite/build/bin BENCH_ROUNDS=$BENCH bash /suite/bench/run-rm.sh /tests/busybox.tar >/tmp/run.json
}
check "bench/run-rm.sh" runs
sed 's/^/RUN /' /tmp/run.json
