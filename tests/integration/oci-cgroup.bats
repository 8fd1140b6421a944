# The cgroup of tare-oci's containers: one that is there already.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

# Where freezing is done, and how.
freezer() {
  if [ -e /sys/fs/cgroup/freezer ]; then
    dir=/sys/fs/cgroup/freezer$OCI_CGROUP file=freezer.state on=FROZEN off=THAWED
  else
    dir=/sys/fs/cgroup$OCI_CGROUP file=cgroup.freeze on=1 off=0
  fi
}

@test "create, run: a cgroup that others use is refused, and their processes stay" {
  sleeper first
  pid=$(oci_pid first)
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b"
  for c in create run; do
    run -1 oci "$c" -b "$BATS_TEST_TMPDIR/b" second </dev/null
    says "container's cgroup is not empty"
    [ ! -e "$OCI_ROOT/second" ]
  done
  [ "$(oci_status first)" = running ]
  [ "$(oci_pid first)" = "$pid" ]
}

@test "create, run: a frozen cgroup is refused at once" {
  freezer
  mkdir -p "$dir"
  echo $on >"$dir/$file"
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b"
  for c in create run; do
    run -1 timeout 10 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" "$c" -b "$BATS_TEST_TMPDIR/b" cold </dev/null
    says "container's cgroup unexpectedly frozen"
    [ ! -e "$OCI_ROOT/cold" ]
  done
  echo $off >"$dir/$file"
  rmdir "$dir"
}

@test "create, run: an empty cgroup is taken over" {
  freezer
  mkdir -p "$dir"
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b"
  oci run -b "$BATS_TEST_TMPDIR/b" over </dev/null
  [ ! -e "$dir" ]
}
