# tare-oci --cgroup-manager on a machine without systemd: what it refuses, and that nothing stays behind. With systemd:
# tests/vm/guest/systemd.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

# refused TEXT ARG...: create says TEXT and leaves no state
refused() {
  local text=$1; shift
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b" "${FILTER:-.}"
  run "$TARE_BIN/tare-oci" --root "$BATS_TEST_TMPDIR/state" "$@" create -b "$BATS_TEST_TMPDIR/b" x1
  [ "$status" -eq 1 ] && [[ $output == *"$text"* ]] || { echo "$output"; return 1; }
  [ ! -e "$BATS_TEST_TMPDIR/state/x1" ]
}

@test "systemd cgroups without a bus: an error that says so" {
  export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere/bus FILTER='del(.linux.cgroupsPath)'
  refused "no system bus at unix:path=/nowhere/bus" --systemd-cgroup
  refused "no system bus at unix:path=/nowhere/bus" --cgroup-manager=systemd
}

@test "a cgroupsPath that names no unit" {
  refused 'slice:prefix:name' --systemd-cgroup
  FILTER='.linux.cgroupsPath = "a/b.slice:p:n"' refused "no name of a slice" --systemd-cgroup
}

@test "options that contradict each other" {
  refused "contradict each other" --systemd-cgroup --cgroup-manager=cgroupfs
  refused "must be one of" --cgroup-manager=other
}

@test "features tell systemd" {
  run "$TARE_BIN/tare-oci" features
  [ "$(jq .linux.cgroup.systemd <<<"$output")" = true ]
}

@test "--cgroup-manager=disabled: no cgroup is made" {
  OCI_COMMAND='cat /proc/self/cgroup' bundle "$BATS_TEST_TMPDIR/b" '.linux.namespaces -= [{ "type": "cgroup" }]'
  run "$TARE_BIN/tare-oci" --root "$BATS_TEST_TMPDIR/state" --cgroup-manager=cgroupfs run -b "$BATS_TEST_TMPDIR/b" x2
  [[ $output == *"$OCI_CGROUP"* ]] || { echo "$output"; return 1; }
  run "$TARE_BIN/tare-oci" --root "$BATS_TEST_TMPDIR/state" --cgroup-manager=disabled run -b "$BATS_TEST_TMPDIR/b" x2
  [ "$status" -eq 0 ] || { echo "$output"; return 1; }
  [[ $output != *"$OCI_CGROUP"* ]]
}
