# Seccomp filters in a running container, with Debian's runc as the oracle: a probe makes system calls with senseless
# arguments and prints what each answers.

load ../lib/common
load ../lib/bundle

setup_file() {
  bundle_setup_file
  cp "$TARE_BUILD/tests/lib/syscalls" "$OCI_ROOTFS/bin/probe"
}
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

# FILTER's value becomes linux.seccomp.
with_profile() { # DIR COMMAND JQ-VALUE
  OCI_COMMAND=$2 bundle "$1" ".linux.seccomp = ($3)"
}

ALLOW='{defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]}'

@test "seccomp: errno, default errno and arguments as under runc" {
  local d=$BATS_TEST_TMPDIR/b
  # mkdir 83, chmod 90, socket 41, personality 135, keyctl 250
  with_profile "$d" 'probe 83 90 41:2:1 41:40:1 135:0xffffffff 135:8 250; grep Seccomp /proc/self/status' "$ALLOW + {syscalls: [
    {names: [\"mkdir\", \"nosuchcall\"], action: \"SCMP_ACT_ERRNO\"},
    {names: [\"chmod\"], action: \"SCMP_ACT_ERRNO\", errnoRet: 28},
    {names: [\"socket\"], action: \"SCMP_ACT_ERRNO\", errnoRet: 97, args: [{index: 0, value: 40, op: \"SCMP_CMP_EQ\"}]},
    {names: [\"personality\"], action: \"SCMP_ACT_ERRNO\", errnoRet: 22, args: [
      {index: 0, value: 8, op: \"SCMP_CMP_EQ\"}, {index: 0, value: 9, op: \"SCMP_CMP_EQ\"}]},
    {names: [\"keyctl\"], action: \"SCMP_ACT_LOG\"}]}"
  as_runc "$d"
  run oci run -b "$d" c
  says "83 Operation not permitted"
  says "90 No space left on device"
  says "41:40:1 Address family not supported by protocol"
  says "135:8 Invalid argument"
  run oci --debug run -b "$d" c
  says "system call nosuchcall is not known and skipped"
}

@test "seccomp: a killed call ends the process as under runc" {
  local action
  for action in SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS SCMP_ACT_TRAP; do
    with_profile "$BATS_TEST_TMPDIR/b" 'probe 83 2>/dev/null; echo "status $?"' \
      "$ALLOW + {syscalls: [{names: [\"mkdir\"], action: \"$action\"}]}"
    as_runc "$BATS_TEST_TMPDIR/b"
    run oci run -b "$BATS_TEST_TMPDIR/b" c
    says "status 159"
  done
}

# podman's default: 400 names, three ABIs, rules by capability (those that need one left out, as in a container without)
@test "seccomp: a distribution's whole profile gives the same answers as under runc" {
  local p=/usr/share/containers/seccomp.json list
  [ -e $p ] || skip "no $p"
  jq '{defaultAction, defaultErrnoRet, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
       syscalls: [.syscalls[] | select((.includes.caps // []) == [] and (.includes.arches // ["amd64"] | index("amd64")))
                  | {names, action} + (if .errnoRet then {errnoRet} else {} end) + (if .args then {args: [.args[] | {index, value, valueTwo, op}]} else {} end)]}' \
    $p >"$BATS_TEST_TMPDIR/profile"
  # all numbers but those that end, stop, signal or change the caller, or wait: read, exit, pause, kill, …
  list=$(seq 20 480 | grep -vxE '22|23|34|35|37|5[6-8]|60|61|62|72|73|10[5-9]|11[0-9]|12[0-9]|13[0-4]|15[4-9]|16[0-9]|200|202|20[3-9]|219|23[0-5]|247|270|271|281|29[3-9]|317|322|32[3-9]|33[4-6]|42[4-9]|43[4-6]|44[0-9]|45[0-9]|46[0-9]')
  with_profile "$BATS_TEST_TMPDIR/b" "probe ${list//$'\n'/ } 1000 100000 56:0x10000011 272:0x10000000 135:0 435" \
    "$(cat "$BATS_TEST_TMPDIR/profile")"
  as_runc "$BATS_TEST_TMPDIR/b"
}

@test "seccomp: calls above the last one named give ENOSYS, below it the default" {
  # openat 257; 300 is above, 250 (keyctl) below
  with_profile "$BATS_TEST_TMPDIR/b" 'probe 250 300 500' '{defaultAction: "SCMP_ACT_ERRNO", syscalls: [
    {action: "SCMP_ACT_ALLOW", names: ["access", "arch_prctl", "brk", "capget", "capset", "chdir", "close", "dup2",
     "execve", "exit_group", "fcntl", "fstat", "futex", "getcwd", "getegid", "geteuid", "getgid", "getpid", "getppid",
     "getuid", "ioctl", "mmap", "mprotect", "munmap", "newfstatat", "open", "openat", "prctl", "read", "readlink",
     "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "set_robust_list", "set_tid_address", "setgid", "setgroups", "setuid",
     "sigaltstack", "stat", "uname", "vfork", "fork", "clone", "wait4", "write", "writev"]}]}'
  run oci run -b "$BATS_TEST_TMPDIR/b" c
  says "250 Operation not permitted"
  says "300 Function not implemented"
  says "500 Function not implemented"
}

@test "seccomp: what cannot be done is one line" {
  local d=$BATS_TEST_TMPDIR/b
  with_profile "$d" true "$ALLOW + {syscalls: [{names: [\"mkdir\"], action: \"SCMP_ACT_ERRNO\", args: [{index: 7, value: 0, op: \"SCMP_CMP_EQ\"}]}]}"
  run oci run -b "$d" c
  [ "$status" -ne 0 ]
  says "linux.seccomp.syscalls[0].args[0].index"
  with_profile "$d" true "$ALLOW + {syscalls: [{names: [\"mkdir\"], action: \"SCMP_ACT_TRAP\", args: [{index: 0, value: 0, op: \"SCMP_CMP_EQ\"}]},
    {names: [\"mkdir\"], action: \"SCMP_ACT_LOG\", args: [{index: 0, value: 0, op: \"SCMP_CMP_EQ\"}]}]}"
  run oci run -b "$d" c
  [ "$status" -ne 0 ]
  says "two rules of mkdir test the same"
}
