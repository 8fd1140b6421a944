# A boot of the guest with systemd as PID 1: tare-oci's systemd cgroups. Each test here is a check of the guest's own
# tests in tests/vm/guest/systemd/. The disk is guest.bats', made anew where that did not run before.

load ../lib/guest

setup_file() { boot_guest systemd; }

@test "the guest runs systemd" { in_guest "systemd is PID 1"; }
@test "create makes a scope, and init is born in it" {
  in_guest "create makes a scope in its slice"
  in_guest "init was born in the scope, alone"
}
@test "limits and annotations are in the kernel and in systemd" {
  in_guest "limits are in the kernel"
  in_guest "limits are in systemd"
  in_guest "annotations are properties"
}
@test "start, and a daemon-reload changes nothing" {
  in_guest "start"
  in_guest "a daemon-reload changes nothing"
}
@test "exec is in the scope" {
  in_guest "exec"
  in_guest "exec is in the scope"
}
@test "device rules" {
  in_guest "device rules"
  in_guest "a device added and taken away"
}
@test "pause and resume" { in_guest "pause and resume"; }
@test "update" {
  in_guest "update"
  in_guest "update of parts"
}
@test "a unit of somebody else is left alone" { in_guest "a unit of somebody else is left alone"; }
@test "kill, delete, delete -f: the scope is gone" {
  in_guest "kill and delete"
  in_guest "delete -f"
}
@test "run in the foreground" { in_guest "run in the foreground, default names"; }
@test "an OOM kill leaves no failed unit" { in_guest "an OOM kill leaves no failed unit"; }
@test "failures leave nothing" {
  in_guest "a property that systemd refuses"
  in_guest "a container that can't be made leaves no scope"
  in_guest "a killed create leaves nothing behind"
  in_guest "without a bus the error says so"
  in_guest "no scope and no state is left"
}

@test "scopes of a user's manager" {
  in_guest "a user's manager"
  in_guest "a user's scope"
  in_guest "exec in it, and delete"
  in_guest "without a user bus the error says so"
}

@test "every check in the guest passed" {
  if grep -A 40 '^not ok' "$RESULT"; then return 1; fi
  grep -q '^# the guest is done' "$RESULT"
}
