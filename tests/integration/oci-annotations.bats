# Annotations of crun's that tare-oci acts upon (docs/annotations.md); those for Landlock are in oci-landlock.bats.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() {
  [ -z "${agent:-}" ] || kill "$agent" 2>/dev/null || true
  bundle_teardown
}

# An agent that answers every call that asks it with EXDEV, and tells what it was sent.
agent() { # SOCKET FILE
  cat >"$BATS_TEST_TMPDIR/agent.py" <<'X'
import fcntl, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.bind(sys.argv[1]); s.listen(1); s.settimeout(30)
print("ready", flush=True)
text, fds, _, _ = socket.recv_fds(s.accept()[0], 65536, 1)
open(sys.argv[2], "w").write(text.decode())
while True: # a call may be interrupted, and its answer come too late
    try:
        notif = bytearray(80)
        fcntl.ioctl(fds[0], 0xC0502100, notif)
        fcntl.ioctl(fds[0], 0xC0182101, struct.pack("=QqiI", struct.unpack_from("=Q", notif)[0], 0, -18, 0))
    except FileNotFoundError:
        continue
X
  python3 "$BATS_TEST_TMPDIR/agent.py" "$1" "$2" >"$BATS_TEST_TMPDIR/agent.out" 2>&1 3>&- &
  agent=$!
  wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/agent.out"
}

# refused TEXT FILTER: one line that says TEXT, and nothing is left
refused() {
  bundle "$BATS_TEST_TMPDIR/b" "$2"
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" bad </dev/null
  says "$1"
  [ "${#lines[@]}" -eq 1 ]
  [ ! -e "$OCI_ROOT/bad" ]
}

@test "run.oci.hooks.stdout and stderr: what hooks say is appended, wherever they run" {
  local hook='{path: "/bin/sh", args: ["sh", "-c", "echo WHERE; echo e-WHERE >&2"]}' filter=. where
  for where in prestart createRuntime createContainer startContainer poststart poststop; do
    filter+=" | .hooks.$where = [${hook//WHERE/$where}]"
  done
  echo before >"$BATS_TEST_TMPDIR/out"
  bundle "$BATS_TEST_TMPDIR/b" "$filter | .annotations = {\"run.oci.hooks.stdout\": \$o, \"run.oci.hooks.stderr\": \$e}" \
    --arg o "$BATS_TEST_TMPDIR/out" --arg e "$BATS_TEST_TMPDIR/err"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" hooks </dev/null
  [ -z "$output" ]
  [ "$(xargs <"$BATS_TEST_TMPDIR/out")" = "before prestart createRuntime createContainer startContainer poststart poststop" ]
  [ "$(xargs <"$BATS_TEST_TMPDIR/err")" = "e-prestart e-createRuntime e-createContainer e-startContainer e-poststart e-poststop" ]
  [ "$(stat -c %a "$BATS_TEST_TMPDIR/err")" = 600 ]
  refused 'run.oci.hooks.stdout: "out" is not absolute' '.hooks.prestart = [{path: "/bin/true"}] | .annotations["run.oci.hooks.stdout"] = "out"'
  # what tidies up runs all the same, its words come to us
  bundle "$BATS_TEST_TMPDIR/b" '.hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "echo tidied"]}] | .annotations["run.oci.hooks.stdout"] = "/nosuch/x"'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" bad </dev/null
  says "run.oci.hooks.stdout: /nosuch/x: No such file"
  says tidied
  refused 'run.oci.hooks.stderr: /nosuch/x: No such file' '.hooks.startContainer = [{path: "/bin/true"}] | .annotations["run.oci.hooks.stderr"] = "/nosuch/x"'
}

@test "run.oci.seccomp.receiver is a listenerPath for a profile that has none" {
  local notify='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'
  agent "$BATS_TEST_TMPDIR/s" "$BATS_TEST_TMPDIR/told"
  OCI_COMMAND='for i in 1 2 3 4 5; do mkdir /tmp/x 2>&1 | grep cross-device && exit 1; done' bundle "$BATS_TEST_TMPDIR/b" "$notify | .linux.seccomp.listenerMetadata = \"m\" | .annotations[\"run.oci.seccomp.receiver\"] = \$s" --arg s "$BATS_TEST_TMPDIR/s"
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" told </dev/null
  says "cross-device link"
  [ "$(jq -r '.state.id + " " + .metadata' "$BATS_TEST_TMPDIR/told")" = "told m" ]
  refused "linux.seccomp.listenerMetadata: needs listenerPath" "$notify | .linux.seccomp.listenerMetadata = \"m\""
  refused "linux.seccomp.listenerPath: is required with SCMP_ACT_NOTIFY" "$notify"
  refused 'run.oci.seccomp.receiver: "s" is not absolute' "$notify | .annotations[\"run.oci.seccomp.receiver\"] = \"s\""
}

@test "run.oci.seccomp_fail_unknown_syscall: a name that no kernel knows is an error" {
  local filter='.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["frobnicate"], action: "SCMP_ACT_ERRNO"}]}'
  bundle "$BATS_TEST_TMPDIR/b" "$filter | .annotations[\"run.oci.seccomp_fail_unknown_syscall\"] = \"0\""
  oci run -b "$BATS_TEST_TMPDIR/b" known </dev/null
  refused "no system call is called frobnicate" "$filter | .annotations[\"run.oci.seccomp_fail_unknown_syscall\"] = \"1\""
}

# even exit_group(2) is refused: libc's _exit would try for ever
@test "a filter that refuses everything ends the process all the same, of run, start and exec" {
  [ -z "${TARE_SANITIZED:-}" ] || skip "the sanitizer's own code tries to end for ever"
  local deny='.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO"}'
  for nnp in true false; do
    bundle "$BATS_TEST_TMPDIR/b" "$deny | .process.noNewPrivileges = $nnp"
    run timeout -k 1 20 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" run -b "$BATS_TEST_TMPDIR/b" deny </dev/null
    [ "$status" -ne 0 ]
    [ "$status" -lt 124 ] || [ "$status" = 132 ]
    oci create -b "$BATS_TEST_TMPDIR/b" deny </dev/null >/dev/null 2>&1
    run timeout -k 1 20 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" start deny
    [ "$status" -ne 124 ]
    wait_until 5 is_oci_status deny stopped
    oci delete deny
  done
}

# 2 instructions: load the number, …: built here, byte by byte, as the kernel has them (linux/filter.h)
bpf() { python3 -c 'import base64, struct, sys
print(base64.b64encode(b"".join(struct.pack("=HBBI", *i) for i in eval(sys.argv[1]))).decode())' "$1"; }

@test "run.oci.seccomp_bpf_data: the filter's own instructions, for exec too" {
  local nr data
  nr=$(python3 -c 'import platform; print({"x86_64": 83, "aarch64": 34}[platform.machine()])') # mkdir(at)
  data=$(bpf "[(0x20, 0, 0, 0), (0x15, 0, 1, $nr), (6, 0, 0, 0x50000 | 18), (6, 0, 0, 0x7fff0000)]")
  OCI_COMMAND='mkdir /tmp/x; grep Seccomp: /proc/self/status; exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b" \
    '.annotations["run.oci.seccomp_bpf_data"] = $d | .linux.seccomp = {defaultAction: "SCMP_ACT_KILL"}' --arg d "$data"
  oci run -d -b "$BATS_TEST_TMPDIR/b" bpf </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
  wait_until 5 grep -q 'Seccomp:.2' "$BATS_TEST_TMPDIR/out"
  grep -q "cross-device link" "$BATS_TEST_TMPDIR/out"
  run -1 oci exec bpf mkdir /tmp/y
  says "cross-device link"
  oci delete -f bpf
  refused "it notifies an agent" '.annotations["run.oci.seccomp_bpf_data"] = "BgAAAAAAwH8="'
  refused "is not base64" '.annotations["run.oci.seccomp_bpf_data"] = "%%%"'
  refused "7 bytes are not 1 to 4096 BPF instructions" '.annotations["run.oci.seccomp_bpf_data"] = "AAAAAAAAAA=="'
  refused "seccomp filter: Invalid argument" ".annotations[\"run.oci.seccomp_bpf_data\"] = \"$(bpf "[(0x20, 0, 0, 0)]")\""
}

@test "run.oci.pidfd_receiver: as --pidfd-socket" {
  local s=$BATS_TEST_TMPDIR/s
  bundle "$BATS_TEST_TMPDIR/b" '.annotations["run.oci.pidfd_receiver"] = $s' --arg s "$s"
  "$BATS_TEST_DIRNAME/../lib/receive-fd" "$s" pidfd >"$s.out" 2>"$s.err" 3>&- &
  local receiver=$!
  wait_until 10 grep -q ready "$s.err"
  oci run -b "$BATS_TEST_TMPDIR/b" pidfd </dev/null
  wait $receiver
  [ "$(xargs <"$s.out")" = "standard ended" ]
  refused "run.oci.pidfd_receiver" '.annotations["run.oci.pidfd_receiver"] = "/nosuch/socket"'
}

@test "run.oci.systemd.force_cgroup_v1: the named hierarchy alone, from the container's cgroup on" {
  grep -q :name=systemd: /proc/self/cgroup || skip "no v1 hierarchy called systemd is mounted"
  local ns userns='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  local filter='.mounts |= map(select(.type != "cgroup")) | .annotations["run.oci.systemd.force_cgroup_v1"] = "/sys/fs/cgroup"
    | .mounts += [{destination: "/sys/fs/cgroup", type: "tmpfs", source: "x"}]'
  for ns in . "$userns"; do
    OCI_COMMAND='cat /sys/fs/cgroup/cgroup.procs | head -1; mkdir /sys/fs/cgroup/below; ls -d /sys/fs/cgroup/below; rmdir /sys/fs/cgroup/below
      grep -c "/sys/fs/cgroup cgroup .*name=systemd" /proc/self/mounts' bundle "$BATS_TEST_TMPDIR/b" \
      "$filter | .linux.namespaces += [{type: \"cgroup\"}] | $ns"
    run oci run -b "$BATS_TEST_TMPDIR/b" v1 </dev/null
    echo "$output"
    [ "${lines[0]}" = 1 ]
    [ "${lines[-1]}" = 1 ]
    # the cgroup is the host's root's, who may make folders in it
    [ "$ns" != . ] || [ "${lines[1]}" = /sys/fs/cgroup/below ]
  done
  refused "needs a cgroup namespace" "$filter"
  refused "no mount has the destination" '.annotations["run.oci.systemd.force_cgroup_v1"] = "/nope"'
  refused "needs --systemd-cgroup" '.annotations["run.oci.systemd.subgroup"] = "x"'
}

@test "handlers and plugins of crun's are refused by name" {
  refused 'run.oci.handler: "krun"' '.annotations["run.oci.handler"] = "krun"'
  refused 'run.oci.seccomp.plugins' '.annotations["run.oci.seccomp.plugins"] = "x.so" | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}'
}

@test "run.oci.delegate-cgroup: a cgroup below the container's, the process's own, with all controllers" {
  [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "needs pure cgroup v2: it runs in the VM guest"
  local at=/sys/fs/cgroup$OCI_CGROUP
  sleeper deleg '.annotations["run.oci.delegate-cgroup"] = "inner" | .process.user = {uid: 33, gid: 33}
    | .linux.resources = {pids: {limit: 20}, memory: {limit: 67108864}}'
  grep -x "0::$OCI_CGROUP/inner" "/proc/$(oci_pid deleg)/cgroup"
  [ -z "$(cat "$at/cgroup.procs")" ]
  [ "$(cat "$at/pids.max" "$at/memory.max" "$at/inner/pids.max" | xargs)" = "20 67108864 max" ]
  [ "$(stat -c %u "$at/inner" "$at/inner/cgroup.procs" "$at/inner/cgroup.subtree_control" "$at" | xargs)" = "33 33 33 0" ]
  grep -q memory "$at/inner/cgroup.controllers"
  # its namespace begins at the container's
  run -0 oci exec deleg cat /proc/self/cgroup
  [ "$output" = 0::/inner ]
  oci pause deleg
  [ "$(oci_status deleg)" = paused ]
  oci resume deleg
  oci ps deleg | grep -q sleep
  oci delete -f deleg
  [ ! -e "$at" ]
  refused 'annotations.run.oci.delegate-cgroup: "a/b" is not the name of one folder' '.annotations["run.oci.delegate-cgroup"] = "a/b"'
}
