# Not a test: bench/oci.sh on pure v2, for bench/guest.sh.
# shellcheck shell=sh
[ -n "${BENCH:-}" ] || return 0

measures() {
  TARE_BIN=/suite/build/bin BENCH_ROUNDS=$BENCH BENCH_MANY=0 bash /suite/bench/oci.sh >/tmp/bench.json
}
check "bench/oci.sh" measures
sed 's/^/JSON /' /tmp/bench.json
