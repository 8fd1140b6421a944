#!/bin/bash
# bench/oci.sh and bench/run-rm.sh in the VM guest, where cgroups are v2 alone (tests/vm). Everything there is emulated: what counts is the
# ratios. state and list are not asked, for a thousand containers take too long to make.
set -euo pipefail
build=${TARE_BIN%/bin}
tests/vm/make-guest "$build" >&2
GUEST_TIMEOUT=${GUEST_TIMEOUT:-900} tests/vm/run-guest "$build" bench >"$build/vm/bench.tap" || { cat "$build/vm/bench.tap" >&2; exit 1; }
run=$(sed -n 's/^RUN //p' "$build/vm/bench.tap")
sed -n 's/^JSON //p' "$build/vm/bench.tap" | jq --argjson run "$run" '.name = "guest" | .what += "; tare run --rm with and without network; pure v2, emulated"
  | .results += ($run.results | with_entries(.key |= "run --rm, " + .)) | .ratios += ($run.ratios | with_entries(.key |= "run --rm, wall, " + .))
  | .target = "run CPU <= 1/3 crun, 1.3 floor; wall <= 1.5 floor; exec <= 1/3 crun; peak <= 1536 kB"'
