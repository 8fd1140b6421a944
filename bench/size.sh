#!/bin/bash
# Sizes of the stripped programs.
. bench/lib.bash
for p in tare tare-oci tare-monitor tare-init tare-worker; do
  cp -L "$TARE_BIN/$p" "$BENCH_WORK/$p"; strip "$BENCH_WORK/$p"
  jq -n --arg p "$p" --argjson b "$(stat -c %s "$BENCH_WORK/$p")" '{($p): $b}'
done | jq -s '{name: "size", what: "stripped, bytes", results: add, target: "tare-oci < 500000"}'
