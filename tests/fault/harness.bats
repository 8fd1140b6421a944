#!/usr/bin/env bats
# Any process of tare killed at any moment, many times, while many containers run and many commands change them (harness/): no line of a log
# is lost, no end told wrong, nobody runs whom nobody knows, and when all are removed the machine is as it was before.
#
#   HARNESS_SEED=1 HARNESS_CONTAINERS=100 HARNESS_SECONDS=300 … bats tests/fault/harness.bats
load ../lib/common
load ../lib/faults

setup_file() { tare_setup_file; load_busybox; }
teardown_file() {
  remove_all
  tare network prune -f >/dev/null
  tare_teardown_file
}

@test "any process is killed at any moment, and nothing is lost" {
  HARNESS_SECONDS=${HARNESS_SECONDS:-$([ -n "${TARE_TEST_LONG:-}" ] && echo 300 || echo 60)} \
    HARNESS_CONTAINERS=${HARNESS_CONTAINERS:-$([ -n "${TARE_TEST_LONG:-}" ] && echo 100 || echo 30)} \
    run python3 -B "$BATS_TEST_DIRNAME/harness"
  grep -E '^# (seed|[0-9]+ kills)' <<<"$output" >&3
  [ "$status" = 0 ] || { echo "$output"; return 1; }
  store_consistent
}
