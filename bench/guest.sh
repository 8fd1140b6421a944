#!/bin/bash
# bench/oci.sh, bench/run-rm.sh and bench/run-many.sh in the VM guest, where cgroups are v2 alone (tests/vm). Everything there is emulated: what counts is the
# ratios. state and list are not asked, for a thousand containers take too long to make.
set -euo pipefail
build=${TARE_BIN%/bin}
GUEST_PEERS=1 tests/vm/make-guest "$build" >&2
GUEST_MEMORY=2048 GUEST_TIMEOUT=${GUEST_TIMEOUT:-2400} tests/vm/run-guest "$build" bench >"$build/vm/bench.tap" || { cat "$build/vm/bench.tap" >&2; exit 1; }
run=$(sed -n 's/^RUN //p' "$build/vm/bench.tap") many=$(sed -n 's/^MANY //p' "$build/vm/bench.tap")
sed -n 's/^JSON //p' "$build/vm/bench.tap" | jq --argjson run "$run" --argjson many "$many" '.name = "guest" | .what += "; tare run --rm with and without network; pure v2, emulated"
  | .results += ($run.results | with_entries(.key |= "run --rm, " + .)) | .ratios += ($run.ratios | with_entries(.key |= "run --rm, wall, " + .))
  | .results += $many.results | .ratios += $many.ratios
  | .target = "run CPU <= 1/3 crun, 1.3 floor; wall <= 1.5 floor; exec <= 1/3 crun; peak <= 1536 kB"'
