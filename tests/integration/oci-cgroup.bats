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

@test "create: without cgroupsPath the cgroup has the container's name" {
  id=oci-test-named-$$
  sleeper $id 'del(.linux.cgroupsPath)'
  grep -q ":/$id\$" "/proc/$(oci_pid $id)/cgroup"
  oci delete -f $id
  [ -z "$(find /sys/fs/cgroup -name "$id")" ]
}

@test "exec --cgroup: below the container's, per controller on v1, never above or elsewhere" {
  sleeper sub
  run -255 oci exec --cgroup .. sub true
  says "is not a sub cgroup path"
  run -255 oci exec --cgroup a/../../b sub true
  says "is not a sub cgroup path"
  run -255 oci exec --cgroup nonexistent sub true
  says "error adding pid to /sys/fs/cgroup/"
  says "no such file or directory"
  run -255 oci exec --cgroup whaaat:/ sub true
  says "unknown controller whaaat"
  run -255 oci exec --cgroup :/ sub true
  says "empty <controller> prefix"
  run -255 oci exec --cgroup a --cgroup b sub true
  says "missing <controller>: prefix"
  [ "$(oci exec --cgroup / sub cat /proc/self/cgroup)" = "$(oci exec sub cat /proc/self/cgroup)" ]
  if [ -e /sys/fs/cgroup/memory ]; then
    mkdir "/sys/fs/cgroup/memory$OCI_CGROUP/m" "/sys/fs/cgroup/pids$OCI_CGROUP/p"
    run -255 oci exec --cgroup m sub true # it would escape the other controllers' limits
    run -0 oci exec --cgroup memory:m --cgroup pids:p sub cat "/proc/self/cgroup"
    [[ "$output" == *":memory:"*"/m"* ]]
    [[ "$output" == *":pids:"*"/p"* ]]
    [ "$(grep -c "/[mp]\$" <<<"$output")" = 2 ]
  else
    mkdir "/sys/fs/cgroup$OCI_CGROUP/m"
    oci exec --cgroup m sub grep -q "/m\$" /proc/self/cgroup
  fi
}

@test "kill -a takes signal 0, as runc does" {
  sleeper zero
  oci kill -a zero 0
  oci kill zero 0
}

@test "intelRdt: without resctrl the error names the field" {
  [ ! -e /sys/fs/resctrl/schemata ] || skip "this machine has resctrl"
  bundle "$BATS_TEST_TMPDIR/b" '.linux.intelRdt = {closID: "/", memBwSchema: "MB:0=50"}'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" rdt </dev/null
  says "linux.intelRdt: resctrl is not available"
  [ ! -e "$OCI_ROOT/rdt" ]
  sleeper rdt
  for option in --l3-cache-schema=L3:0=f --mem-bw-schema=MB:0=50; do
    run -1 oci update $option rdt
    says "${option%%=*}: the container was created without linux.intelRdt"
  done
  # what it would find in its record of one that has it
  jq '.linux.intelRdt = {memBwSchema: "MB:0=50"}' "$OCI_ROOT/rdt/config.json" >"$BATS_TEST_TMPDIR/config"
  cp "$BATS_TEST_TMPDIR/config" "$OCI_ROOT/rdt/config.json"
  run -1 oci update --pids-limit 77 --mem-bw-schema=MB:0=50 rdt
  says "linux.intelRdt: resctrl is not available"
  # nothing else of it was done
  run ! grep -rqsx 77 /sys/fs/cgroup/pids"$OCI_CGROUP"/pids.max /sys/fs/cgroup"$OCI_CGROUP"/pids.max
  [ "$(oci_status rdt)" = running ]
}
