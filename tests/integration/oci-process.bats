# What the process of a container inherits from its caller, and what it does not.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

@test "capabilities that no kernel knows are left out with a warning" {
  OCI_COMMAND='grep CapBnd /proc/self/status' bundle "$BATS_TEST_TMPDIR/b" '.process.capabilities.bounding += ["CAP_NO_SUCH"]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" caps </dev/null
  says "ignoring unknown capability CAP_NO_SUCH"
  says "CapBnd"
}

@test "a created container holds nothing that its caller had open, nor the runtime's own handles" {
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b"
  oci create -b "$BATS_TEST_TMPDIR/b" fds </dev/null >/dev/null 2>&1 7>"$BATS_TEST_TMPDIR/theirs"
  for fd in /proc/"$(oci_pid fds)"/fd/*; do readlink "$fd"; done >"$BATS_TEST_TMPDIR/fds"
  cat "$BATS_TEST_TMPDIR/fds"
  run ! grep -E "theirs|/sys/fs/cgroup|/lock\$|$OCI_ROOT(/fds)?\$|/b\$" "$BATS_TEST_TMPDIR/fds"
  oci start fds
}

@test "a caller's pipe ends when the caller does, whatever becomes of a created container" {
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b"
  # 7 is the pipe's writing end: head sees its end only when nobody has it open any more
  timeout 20 bash -c '"$TARE_BIN/tare-oci" --root "$OCI_ROOT" create -b "$1" piped 7>&1 </dev/null >/dev/null 2>&1 | cat' - "$BATS_TEST_TMPDIR/b"
}

@test "CPU affinity: the caller's does not count, execCPUAffinity does" {
  [ "$(nproc)" -gt 1 ] || skip "one CPU"
  all=$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)
  OCI_COMMAND='grep Cpus_allowed_list /proc/self/status; exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b" \
    '.process.execCPUAffinity = {initial: "0", final: "1"}'
  taskset -c 0 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" run -d -b "$BATS_TEST_TMPDIR/b" aff </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
  wait_until 5 grep -q "list:.$all\$" "$BATS_TEST_TMPDIR/out"
  run -0 oci exec aff grep Cpus_allowed_list /proc/self/status
  [ "$output" = $'Cpus_allowed_list:\t1' ]
  echo '{"args": ["grep", "Cpus_allowed_list", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}' >"$BATS_TEST_TMPDIR/p"
  run -0 taskset -c 0 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" exec -p "$BATS_TEST_TMPDIR/p" aff
  [ "$output" = $'Cpus_allowed_list:\t'"$all" ]
}

@test "environment: of a variable that is set twice the last counts; an empty HOME is none" {
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["env"]
    | .process.env = ["PATH=/bin", "ONE=two", "HOME=/override", "ONE=", "ONELY=1", "HOME="]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" env </dev/null
  [ "$(sort <<<"$output")" = $'HOME=/root\nONE=\nONELY=1\nPATH=/bin' ]
}

@test "a terminal in the foreground adds no carriage returns to a file" {
  OCI_COMMAND='echo one; echo two' bundle "$BATS_TEST_TMPDIR/b" '.process.terminal = true'
  oci run -b "$BATS_TEST_TMPDIR/b" plain </dev/null >"$BATS_TEST_TMPDIR/out"
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = $'one\ntwo' ]
  sleeper plain
  oci exec -t plain sh -c 'echo three' </dev/null >"$BATS_TEST_TMPDIR/out"
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = three ]
}

@test "ambient capabilities that cannot be raised are told" {
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["grep", "CapAmb", "/proc/self/status"]
    | .process.capabilities.inheritable = ["CAP_KILL"] | .process.capabilities.ambient = ["CAP_KILL", "CAP_CHOWN"]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" amb </dev/null
  says "can't raise ambient capability CAP_CHOWN: "
  says $'CapAmb:\t0000000000000020'
}

@test "a limit of few descriptors is the process's, its set-up gets by" {
  OCI_COMMAND='pwd; ulimit -n' bundle "$BATS_TEST_TMPDIR/b" '.process.cwd = "/tmp" | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 4, hard: 4}]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" few </dev/null
  [ "$output" = $'/tmp\n4' ]
}

@test "a script without its interpreter is told as the peers tell it" {
  printf '#!/nosuch\n' >"$OCI_ROOTFS/script"
  chmod 755 "$OCI_ROOTFS/script"
  sleeper script
  run -255 oci exec script /script
  rm "$OCI_ROOTFS/script"
  says "exec /script: no such file or directory"
}

@test "a startContainer hook's last words come out of the terminal" {
  bundle "$BATS_TEST_TMPDIR/b" '.process.terminal = true
    | .hooks.startContainer = [{path: "/bin/busybox", args: ["cat", "/nosuchfile"]}]'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" words </dev/null
  says "cat: can't open '/nosuchfile'"
}
