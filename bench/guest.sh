#!/bin/bash
# bench/oci.sh in the VM guest, where cgroups are v2 alone (tests/vm). Everything there is emulated: what counts is the
# ratios. state and list are not asked, for a thousand containers take too long to make.
set -euo pipefail
build=${TARE_BIN%/bin}
tests/vm/make-guest "$build" >&2
GUEST_TIMEOUT=${GUEST_TIMEOUT:-900} tests/vm/run-guest "$build" bench >"$build/vm/bench.tap" || { cat "$build/vm/bench.tap" >&2; exit 1; }
sed -n 's/^JSON //p' "$build/vm/bench.tap" | jq '.name = "guest" | .what += "; pure v2, emulated"
  | .target = "run CPU <= 1/3 crun, 1.3 floor; wall <= 1.5 floor; exec <= 1/3 crun; peak <= 1536 kB"'
