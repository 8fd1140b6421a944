# Not a test: bench/oci.sh, bench/run-rm.sh and bench/run-many.sh on pure v2, for bench/guest.sh, which tells them apart by JSON, RUN and MANY.
# shellcheck shell=sh
[ -n "${BENCH:-}" ] || return 0

# measure NAME MARK SCRIPT [ARGUMENT]
measure() {
  case ,$BENCH_PARTS, in *,"$1",*) ;; *) return 0 ;; esac
  check "bench/$3" measured "$3" "$4"
  sed "s/^/$2 /" /tmp/bench.json
}
measured() { TARE_BIN=/suite/build/bin BENCH_ROUNDS=$BENCH bash "/suite/bench/$1" ${2:+"$2"} >/tmp/bench.json; }

many=$BENCH_MANY
export BENCH_MANY=0
measure oci JSON oci.sh ""
measure run RUN run-rm.sh /tests/busybox.tar
BENCH_MANY=$many
measure many MANY run-many.sh /tests/busybox.tar
