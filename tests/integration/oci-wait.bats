# wait: how a container ended, told to somebody who is not its parent.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

# A kernel before 6.15 tells only the parent.
tells_all() { [ "$(printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -1)" = 6.15 ]; }

created() { # ID COMMAND
  OCI_COMMAND=$2 bundle "$BATS_TEST_TMPDIR/$1"
  oci create -b "$BATS_TEST_TMPDIR/$1" "$1" </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/$1.err"
}

# WAITER has its hand on the container's process: it can end now.
has_pidfd() { readlink /proc/"$1"/fd/* 2>/dev/null | grep -q pidfd; }

# Waits in the background from before the start on: the answer is in $answer.
wait_and_start() { # ID COMMAND [SIGNAL]
  created "$1" "$2"
  "$TARE_BIN/tare-oci" --root "$OCI_ROOT" wait "$1" >"$BATS_TEST_TMPDIR/answer" 2>&1 3>&- &
  local waiter=$!
  wait_until 10 has_pidfd "$waiter"
  oci start "$1"
  [ $# -lt 3 ] || oci kill "$1" "$3"
  wait "$waiter"
  answer=$(cat "$BATS_TEST_TMPDIR/answer")
}

@test "wait gives the exit code of a container that is somebody else's child" {
  tells_all || skip "the kernel tells only the parent (before 6.15)"
  wait_and_start seven 'exit 7'
  [ "$answer" = 7 ]
  wait_and_start zero 'exit 0'
  [ "$answer" = 0 ]
  wait_and_start killed 'exec sleep 1000' KILL
  [ "$answer" = 137 ]
}

@test "two who wait get the same answer" {
  tells_all || skip "the kernel tells only the parent (before 6.15)"
  created both 'exit 3'
  "$TARE_BIN/tare-oci" --root "$OCI_ROOT" wait both >"$BATS_TEST_TMPDIR/one" 3>&- & local one=$!
  "$TARE_BIN/tare-oci" --root "$OCI_ROOT" wait both >"$BATS_TEST_TMPDIR/two" 3>&- & local two=$!
  wait_until 10 has_pidfd "$one"
  wait_until 10 has_pidfd "$two"
  oci start both
  wait "$one"
  wait "$two"
  [ "$(cat "$BATS_TEST_TMPDIR"/{one,two})" = $'3\n3' ]
}

@test "one that ended before and was reaped is told as that; so is one that is not there" {
  created late 'exit 5'
  oci start late
  wait_until 10 is_oci_status late stopped
  run -1 oci wait late
  says "container late had ended already, and its parent has taken the exit status"
  run -1 oci wait nobody
  says "container does not exist"
}
