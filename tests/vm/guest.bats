# One boot of Debian's 6.1 cloud kernel with pure cgroup v2 (no KVM); each test here is a check of the guest's own
# tests in tests/vm/guest/.

load ../lib/guest

setup_file() { boot_guest; }

@test "the guest runs Debian's 6.1 kernel" { in_guest "Debian's 6.1 kernel"; }
@test "the guest has pure cgroup v2" { in_guest "pure cgroup v2"; }
@test "sys/cgroup's unit tests pass on pure v2" { in_guest "unit test_sys_cgroup"; }

@test "load an image" { in_guest "tare load"; }
@test "run it in a user namespace, exit code passed on" {
  in_guest "tare run in a user namespace"
  in_guest "tare run passes the exit code"
}
@test "limits of a detached container are in the kernel" {
  in_guest "tare run -d with limits"
  in_guest "the limits are in the kernel"
}
@test "exec into it, in its cgroup" {
  in_guest "tare exec"
  in_guest "tare exec runs in the container's cgroup"
}
@test "device nodes are filtered" { in_guest "devices"; }
@test "pause and unpause" { in_guest "tare pause and unpause"; }
@test "stop and start" { in_guest "tare stop and start"; }
@test "an OOM kill is told" { in_guest "an OOM kill is told"; }
@test "a bind mount is id-mapped" { in_guest "tare run -v is id-mapped"; }
@test "an image of 40 layers" { in_guest "an image of 40 layers"; }
@test "the options that open something" {
  in_guest "tare run --userns=host"
  in_guest "tare run --privileged"
  in_guest "tare run --read-only"
}
@test "a terminal" { in_guest "tare run -t"; }
@test "logs" { in_guest "tare logs"; }
@test "a container whose keeper was killed" { in_guest "a container whose keeper was killed"; }
@test "remove it, and nothing is left behind" {
  in_guest "tare rm"
  in_guest "nothing is left behind"
}

@test "tare-oci events" {
  in_guest "tare-oci events --stats"
  in_guest "tare-oci events tells that memory ran out"
  in_guest "tare-oci events ends with the container"
}

@test "tare-oci checkpoint and restore, with CRIU" {
  in_guest "criu check"
  in_guest "checkpoint and restore: it counts on"
  in_guest "a restored container has the same mounts"
  in_guest "a restored container has the same limits"
  in_guest "a restored container is a container as any"
}
@test "checkpoint --leave-running, --pre-dump, of a paused container" {
  in_guest "checkpoint --leave-running"
  in_guest "checkpoint --pre-dump and --parent-path"
  in_guest "checkpoint of a paused container"
}
@test "restore with a terminal, with pipes, with hooks" {
  in_guest "restore with a terminal"
  in_guest "restore in the foreground, with pipes"
  in_guest "hooks of checkpoint and restore"
}
@test "runc restores our checkpoints, and we runc's" { in_guest "images are runc's"; }
@test "checkpoints and restores that fail leave things as they were" {
  in_guest "a checkpoint that fails"
  in_guest "a restore that fails"
  in_guest "checkpoint and restore leave nothing behind"
}

@test "every check in the guest passed" {
  if grep -A 40 '^not ok' "$RESULT"; then return 1; fi
  grep -q '^# the guest is done' "$RESULT"
}
