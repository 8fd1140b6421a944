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

@test "the command is looked for in the PATH that its process gets, the last of several" {
  mkdir -p "$OCI_ROOTFS/other"
  printf '#!/bin/sh\necho other\n' >"$OCI_ROOTFS/other/true"; chmod 755 "$OCI_ROOTFS/other/true"
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["true"] | .process.env = ["PATH=/nope", "PATH=/other:/bin"]'
  [ "$(oci run -b "$BATS_TEST_TMPDIR/b" paths </dev/null)" = other ]
  OCI_COMMAND='exec sleep 100' bundle "$BATS_TEST_TMPDIR/b"
  oci run -d -b "$BATS_TEST_TMPDIR/b" paths </dev/null >/dev/null 2>&1
  [ "$(oci exec -e PATH=/other:/bin paths true)" = other ]
  run -255 oci exec -e PATH=/other paths sleep 1
  says 'executable file not found in $PATH'
}

@test "a /proc of another pid namespace is refused, for it would show wrong processes; a read-only one does" {
  local run=("$TARE_BIN/tare-oci" --root "$OCI_ROOT" run -b "$BATS_TEST_TMPDIR/b" inner)
  OCI_COMMAND='cat /proc/self/oom_score_adj' bundle "$BATS_TEST_TMPDIR/b" ".process.oomScoreAdj = 77"
  run -1 unshare -pf "${run[@]}" </dev/null
  says "/proc shows another pid namespace"
  [ ! -e "$OCI_ROOT/inner" ]
  [ "$(unshare -pf --mount-proc "${run[@]}" </dev/null 2>&1)" = 77 ]
  [ "$(unshare -m sh -c 'mount -o remount,bind,ro /proc && exec "$@"' sh "${run[@]}" </dev/null 2>&1)" = 77 ]
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
  says "exec /script: no such file or directory"
  oci delete -f script
  # to their callers the container has started, and said so itself
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["/script"]'
  run -255 oci run -b "$BATS_TEST_TMPDIR/b" said </dev/null
  [ "$output" = "exec /script: no such file or directory" ]
  oci create -b "$BATS_TEST_TMPDIR/b" said </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/err"
  oci start said
  wait_until 5 is_oci_status said stopped
  [ "$(cat "$BATS_TEST_TMPDIR/err")" = "exec /script: no such file or directory" ]
  printf 'no program' >"$OCI_ROOTFS/script"
  oci delete said
  run -255 oci run -b "$BATS_TEST_TMPDIR/b" said </dev/null
  [ "$output" = "exec /script: exec format error" ]
  rm "$OCI_ROOTFS/script"
}

@test "a startContainer hook's last words come out of the terminal" {
  bundle "$BATS_TEST_TMPDIR/b" '.process.terminal = true
    | .hooks.startContainer = [{path: "/bin/busybox", args: ["cat", "/nosuchfile"]}]'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" words </dev/null
  says "cat: can't open '/nosuchfile'"
}

@test "a created container ends with the signals that end a process, as runc's does" {
  local sig
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b"
  for sig in TERM INT HUP; do
    oci create -b "$BATS_TEST_TMPDIR/b" "early-$sig" </dev/null >/dev/null 2>&1
    oci kill "early-$sig" "$sig"
    wait_until 5 is_oci_status "early-$sig" stopped
    oci delete "early-$sig"
  done
  # and the program has them at their default: as PID 1 it does not even notice
  sleeper later
  oci kill later TERM
  run -0 oci exec later grep SigCgt /proc/1/status
  says $'SigCgt:\t0000000000000000'
}

# What Linux 4.19 had, as JSON.
old_calls() {
  awk '$1 == "#define" && sub(/^__NR_/, "", $2) && $3 <= 334 { print $2 }' /usr/include/x86_64-linux-gnu/asm/unistd_64.h |
    jq -Rsc 'split("\n") | map(select(. != ""))'
}

@test "a profile that refuses what is newer than itself does not hinder the runtime" {
  OCI_COMMAND='pwd; ls /proc/self/fd | wc -l' bundle "$BATS_TEST_TMPDIR/b" '.process.noNewPrivileges = false | .process.cwd = "/tmp" |
    .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_ERRNO", errnoRet: 38,
      names: ["close_range", "openat2", "fsopen", "open_tree", "mount_setattr", "pidfd_open", "faccessat2", "statx", "clone3"]}]}'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" old </dev/null
  [ "$output" = $'/tmp\n4' ]
  # nor does one that is a list of what is allowed and does not name the newest
  [ -e /usr/include/x86_64-linux-gnu/asm/unistd_64.h ] || skip "the second half needs the kernel's headers"
  OCI_COMMAND='pwd' bundle "$BATS_TEST_TMPDIR/b" ".process.noNewPrivileges = false | .process.cwd = \"/tmp\" |
    .process.user = {uid: 33, gid: 33} | .linux.seccomp = {defaultAction: \"SCMP_ACT_ERRNO\", syscalls: [{action: \"SCMP_ACT_ALLOW\",
      names: $(old_calls)}]}"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" old </dev/null
  [ "$output" = /tmp ]
  # the working folder still is one inside
  bundle "$BATS_TEST_TMPDIR/b" '.process.noNewPrivileges = false | .process.cwd = "/proc/self/fd/0" |
    .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_ERRNO", errnoRet: 38, names: ["openat2"]}]}'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" old </dev/null
  says "working folder /proc/self/fd/0"
}

@test "a nice value beside a deadline is kept for the day the policy changes, as the kernel keeps it" {
  OCI_COMMAND='cat /proc/self/stat | cut -d" " -f 19,41' bundle "$BATS_TEST_TMPDIR/b" '.process.scheduler = {policy: "SCHED_DEADLINE", nice: 19,
    runtime: 42000000, deadline: 100000000, period: 1000000000} | .process.args = ["sed", "s/.*) //", "/proc/self/stat"]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" nice </dev/null
  run -0 cut -d' ' -f 17,39 <<<"$output"
  [ "$output" = "19 6" ]
}

@test "a deadline on some of the CPUs only: the error says what stands in the way" {
  [ "$(nproc)" -gt 1 ] || skip "one CPU only"
  bundle "$BATS_TEST_TMPDIR/b" '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 42000000, deadline: 100000000, period: 1000000000}
    | .linux.resources.cpu.cpus = "0"'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" some </dev/null
  says "process.scheduler SCHED_DEADLINE: the kernel wants all CPUs for it (linux.resources.cpu.cpus, execCPUAffinity)"
}

@test "a sysctl's name leads nowhere but where it begins" {
  local same k
  same=$(cat /proc/sys/kernel/core_pattern) # what would be written there is what is there
  for k in net/../kernel/core_pattern net.//.kernel.core_pattern net/./../kernel/core_pattern net//ipv4/ip_forward; do
    bundle "$BATS_TEST_TMPDIR/b" '.linux.sysctl = {($k): $v}' --arg k "$k" --arg v "$same"
    run -1 oci run -b "$BATS_TEST_TMPDIR/b" s </dev/null
    says "linux.sysctl $k: its name is not clean"
  done
}

@test "sysctls that say again what has a member of its own" {
  bundle "$BATS_TEST_TMPDIR/b" '.linux.sysctl = {"kernel.hostname": "x"}'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" names </dev/null
  says "linux.sysctl kernel.hostname: it is not allowed as it conflicts with the member hostname"
  run -1 runc --root "$RUNC_ROOT" run -b "$BATS_TEST_TMPDIR/b" names </dev/null
  bundle "$BATS_TEST_TMPDIR/b" '.linux.sysctl = {"kernel.domainname": "x"} | .domainname = "y"'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" names </dev/null
  says "linux.sysctl kernel.domainname: the member domainname says something else (\"y\")"
  bundle "$BATS_TEST_TMPDIR/b" '.linux.sysctl = {"kernel.domainname": "y"} | .domainname = "y"'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" names </dev/null
}

# /dev/stdin, stdout and stderr are opened anew by the process's user, with what a pipe, a file or a terminal has of rights
@test "0-2 belong to the process's user, in create, run and exec, with a user namespace too" {
  local ns='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  for filter in . '.process.user = {uid: 1000, gid: 1000}' "$ns" "$ns | .process.user = {uid: 1000, gid: 1000}"; do
    OCI_COMMAND='cat /dev/stdin >/dev/stdout; echo err >/dev/stderr' bundle "$BATS_TEST_TMPDIR/b" "$filter"
    echo in | oci run -b "$BATS_TEST_TMPDIR/b" pipes 2> >(cat >"$BATS_TEST_TMPDIR/err") | cat >"$BATS_TEST_TMPDIR/out"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = in ]
    wait_until 5 grep -qx err "$BATS_TEST_TMPDIR/err"
    sleeper s "$ns"
    echo in | oci exec -u 1000 s sh -c 'cat /dev/stdin >/dev/stdout' | cat >"$BATS_TEST_TMPDIR/out"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = in ]
    oci delete -f s
  done
}

@test "of 0-2 nothing else changes its owner: devices, and files that are only read" {
  bundle "$BATS_TEST_TMPDIR/b" '.process.user = {uid: 1000, gid: 1000}'
  echo secret >"$BATS_TEST_TMPDIR/in"
  mknod "$BATS_TEST_TMPDIR/zero" c 1 5
  : >"$BATS_TEST_TMPDIR/log"
  oci run -b "$BATS_TEST_TMPDIR/b" kept <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/zero" 2>"$BATS_TEST_TMPDIR/log"
  [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR"/{in,zero,log} | xargs)" = "0:0 0:0 1000:0" ]
}
