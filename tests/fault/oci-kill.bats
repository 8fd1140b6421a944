#!/usr/bin/env bats
# SIGKILL to tare-oci between any two system calls (tests/fault/step-killer.c): in create, start, exec, delete and run,
# once to the whole runtime and once to only the process that made the call. Whatever the moment, `delete -f` then leaves
# nothing: no process, cgroup, mount, state, no file in the bundle. Every stop with TARE_TEST_LONG=1, else a sample; the
# seed is printed, TARE_TEST_SEED=N repeats it.
load ../lib/common
load ../lib/bundle

setup_file() {
  bundle_setup_file
  export KILLER=$TARE_BUILD/tests/fault/step-killer SEED=${TARE_TEST_SEED:-$(date +%s)}
  export B=$BATS_FILE_TMPDIR/b PIDS=$BATS_FILE_TMPDIR/pids
  echo "# seed $SEED" >&3
}
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

# Set-up steps and clean-up are told in the log, which only a failure shows.
OCI='"$TARE_BIN/tare-oci" --log "$BATS_FILE_TMPDIR/log" --root "$OCI_ROOT"'
CREATE="$OCI create -b \"\$B\" --pid-file \"\$PIDS/init\" k </dev/null >/dev/null 2>&1"

# kills SAMPLE SETUP COMMAND... : both variants. $ASIDE: what else the clean-up ends.
kills() { # SAMPLE SETUP ALSO ARGS...
  local sample=$1 setup=$2 also=$3 variant tree
  shift 3
  mkdir -p "$PIDS"
  tree=$(find "$B" "$OCI_ROOTFS" | sort)
  sample=$((sample / ${KILL_SHARE:-1}))
  [ -z "${TARE_SANITIZED:-}" ] || sample=$((sample / 4))
  [ -z "${TARE_TEST_LONG:-}" ] || sample=0
  for variant in "" --caller; do
    # shellcheck disable=SC2086
    run timeout 3000 "$KILLER" $variant --sample "$sample" --seed "$SEED" --setup "$setup" ${also:+--also "$PIDS/init"} \
      --cleanup "${ASIDE:-:}; $OCI delete -f k" --gone "$OCI_ROOT/*" --gone "/sys/fs/cgroup$OCI_CGROUP" --gone "/sys/fs/cgroup/*$OCI_CGROUP" \
      -- "$TARE_BIN/tare-oci" --log "$BATS_FILE_TMPDIR/log" --root "$OCI_ROOT" "$@" </dev/null
    echo "$output"
    [ "$status" = 0 ] || { tail -20 "$BATS_FILE_TMPDIR/log"; false; }
    echo "# $BATS_TEST_DESCRIPTION ${variant:---all}: ${lines[-1]}" >&3
    diff <(echo "$tree") <(find "$B" "$OCI_ROOTFS" | sort)
  done
}

sleeping() { OCI_COMMAND='exec sleep 1000' bundle "$B" "${1:-.}"; }
USERNS='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 300000, size: 65536}]
  | .linux.gidMappings = .linux.uidMappings'
HOOKS='.hooks = {createRuntime: [{path: "/bin/true"}], createContainer: [{path: "/bin/true"}], poststart: [{path: "/bin/true"}],
  poststop: [{path: "/bin/true"}]}'

@test "create" { sleeping; kills 120 "" "" create -b "$B" k; }
@test "create, with a user namespace and hooks" { sleeping "$USERNS | $HOOKS"; kills 120 "" "" create -b "$B" k; }
@test "start" { sleeping; kills 100 "$CREATE" also start k; }
@test "start, with hooks" { sleeping "$HOOKS"; kills 50 "$CREATE" also start k; }
@test "exec" { sleeping; kills 120 "$CREATE; $OCI start k" "" exec k true; }
@test "delete of a container that runs" { sleeping; kills 80 "$CREATE; $OCI start k" "" delete -f k; }
@test "delete of a container that ended" {
  bundle "$B" "$HOOKS"
  kills 80 "$CREATE; $OCI start k; until $OCI state k | grep -q stopped; do sleep 0.01; done" "" delete k
}
@test "run" { bundle "$B"; kills 120 "" "" run -b "$B" k; }
@test "run in the background, with a user namespace and hooks" { sleeping "$USERNS | $HOOKS"; kills 120 "" "" run -d -b "$B" k; }

# Terminals: of the caller's own, and one that somebody else receives.
@test "run, with a terminal" { bundle "$B" '.process.terminal = true'; kills 60 "" "" run -b "$B" k; }
@test "exec, with a terminal" { sleeping; kills 50 "$CREATE; $OCI start k" "" exec -t k true; }
@test "create, with a console socket and a pidfd socket" {
  sleeping '.process.terminal = true'
  export RECEIVE=$TARE_TESTS/lib/receive-fd SOCKET=$BATS_FILE_TMPDIR/socket ASIDE='kill -9 $(cat "$SOCKET".*.pid)'
  local receive='rm -f "$SOCKET".*; for s in console pidfd; do "$RECEIVE" "$SOCKET.$s" $s >/dev/null 2>"$SOCKET.$s.err" & echo $! >"$SOCKET.$s.pid"
    until grep -q ready "$SOCKET.$s.err"; do sleep 0.01; done; done'
  kills 60 "$receive" "" create --console-socket "$SOCKET.console" --pidfd-socket "$SOCKET.pidfd" -b "$B" k
}
