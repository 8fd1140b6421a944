#!/usr/bin/env bats
# tare-oci update --device-add, --device-rm: a device of the host for a container that runs, and away again.
load ../lib/common
load ../lib/bundle

setup_file() {
  bundle_setup_file
  # writing to the kernel's log: allowed to everybody who may open the node, and to no container
  mknod -m 0666 "$BATS_FILE_TMPDIR/klog" c 1 11
  mknod -m 0640 "$BATS_FILE_TMPDIR/other" c 1 11
  chmod 0666 "$BATS_FILE_TMPDIR/klog"
}
teardown_file() { bundle_teardown_file; }
teardown() {
  bundle_teardown
  rm -rf "${OCI_ROOTFS:?}"/new "${OCI_ROOTFS:?}"/tmp/*
}

USERNS='.linux.namespaces += [{type: "user"}]
  | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
  | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'

# to make nodes of one's own, and to read the kernel's log
CAPS='.process.capabilities |= map_values(. + ["CAP_MKNOD", "CAP_SYSLOG"])'

inside() { oci exec d sh -c "$1"; }
opens() { inside "[ -c $1 ] && : >$1" 2>/dev/null; }
reads() { inside "[ -c $1 ] && : <$1" 2>/dev/null; }
klog() { echo "$BATS_FILE_TMPDIR/klog"; }
rules() { cat /sys/fs/cgroup/devices"$OCI_CGROUP"/devices.list 2>/dev/null || true; }

refused() { # WHAT COMMAND...: in one line, and nothing is changed
  local what=$1 before
  shift
  before="$(inside 'ls -l /dev /tmp; cat /proc/self/mountinfo' | grep -v ' tty$') $(rules) $(oci state d)"
  run oci update "$@" d
  [ "$status" -eq 1 ]
  says "$what"
  [ "$(grep -c level= <<<"$output")" -eq 1 ]
  [ "$(inside 'ls -l /dev /tmp; cat /proc/self/mountinfo' | grep -v ' tty$') $(rules) $(oci state d)" = "$before" ]
}

@test "update --device-add: the node is there with its mode, can be opened, and goes again" {
  sleeper d "$CAPS"
  before="$(inside 'ls /dev; cat /proc/self/mountinfo') $(rules)"
  oci update --device-add "$(klog):/dev/klog" d
  [ "$(inside 'stat -c "%F %t:%T %a %u" /dev/klog')" = "character special file 1:b 666 0" ]
  opens /dev/klog
  oci state d | jq -e '.devices == [{path: "/dev/klog", type: "c", major: 1, minor: 11, mode: 438, uid: 0, gid: 0, access: "rwm"}]'
  # once only
  refused "container d has it already" --device-add "$(klog):/dev/klog"
  oci update --device-rm /dev/klog d
  [ "$(inside 'ls /dev; cat /proc/self/mountinfo') $(rules)" = "$before" ]
  oci state d | jq -e 'has("devices") | not'
  refused "--device-rm /dev/klog: no such device was added to container d" --device-rm /dev/klog
  # and a node of one's own opens nothing any more
  inside 'mknod /dev/mine c 1 11'
  run ! opens /dev/mine
}

@test "update --device-add: only the accesses asked for" {
  sleeper d "$CAPS"
  oci update --device-add "$(klog):/dev/klog:r" d
  run ! opens /dev/klog
  reads /dev/klog
  oci update --device-add "$(klog):/dev/more:w" d
  opens /dev/klog
  # what one device gave the other one leaves
  oci update --device-rm /dev/more d
  run ! opens /dev/klog
  reads /dev/klog
}

@test "update --device-add: in a container with a user namespace" {
  sleeper d "$USERNS"
  before="$(inside 'ls /dev; cat /proc/self/mountinfo') $(rules)"
  oci update --device-add "$(klog):/dev/sub/klog" --device-add "$BATS_FILE_TMPDIR/other:/dev/other" d
  [ "$(inside 'stat -c "%F %t:%T %a %u" /dev/sub/klog /dev/other')" = $'character special file 1:b 666 0\ncharacter special file 1:b 640 0' ]
  opens /dev/sub/klog
  opens /dev/other
  oci update --device-rm /dev/other --device-rm /dev/sub/klog d
  inside 'rmdir /dev/sub'
  [ "$(inside 'ls /dev; cat /proc/self/mountinfo') $(rules)" = "$before" ]
}

@test "update --device-add: on a nodev mount, and where folders are missing" {
  sleeper d "$CAPS | "'.root.readonly = false | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nodev"]}]'
  oci update --device-add "$(klog):/tmp/klog" --device-add "$(klog):/new/deep/klog" d
  opens /tmp/klog
  opens /new/deep/klog
  oci update --device-rm /tmp/klog --device-rm /new/deep/klog d
  [ -z "$(inside 'ls /tmp /new/deep | grep klog')" ]
}

@test "update --device-add: the rule survives limits, an update -r with rules of its own" {
  sleeper d "$CAPS"
  oci update --device-add "$(klog):/dev/klog" d
  oci update --pids-limit 100 d
  opens /dev/klog
  echo '{"pids": {"limit": 50}}' | oci update -r - d
  opens /dev/klog
  echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 9, "access": "rw"},
    {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]}' | oci update -r - d
  opens /dev/klog
  reads /dev/urandom
  run ! reads /dev/zero
  # and these are the base from now on
  oci update --device-add "$(klog):/dev/two" --device-rm /dev/klog d
  opens /dev/two
  run ! reads /dev/zero
  oci update --device-rm /dev/two d
  reads /dev/urandom
  oci state d | jq -e 'has("devices") | not'
}

@test "update --device-add: in a container that may use every device nothing is taken away" {
  sleeper d "$CAPS | "'.linux.resources.devices = [{allow: true, access: "rwm"}]'
  inside 'mknod /dev/mine c 1 11'
  oci update --device-add "$(klog):/dev/klog" d
  opens /dev/klog
  oci update --device-rm /dev/klog d
  opens /dev/mine
}

@test "update --device-add: a device that config.json allows keeps what that gives it" {
  sleeper d "$CAPS | "'.linux.resources.devices += [{allow: true, type: "c", major: 1, minor: 11, access: "wm"}]
    | .linux.devices = [{path: "/dev/own", type: "c", major: 1, minor: 11, fileMode: 438, uid: 0, gid: 0}]'
  opens /dev/own
  run ! reads /dev/own
  oci update --device-add "$(klog):/dev/klog" d
  reads /dev/own
  oci update --device-rm /dev/klog d
  opens /dev/own
  run ! reads /dev/own
}

@test "update --device-add: when one fails nothing is half made" {
  sleeper d "$CAPS"
  refused "/dev/null: the container has something there already" --device-add "$(klog):/dev/klog" --device-add "$(klog):/dev/null"
  run ! opens /dev/klog
  inside 'mknod /dev/mine c 1 11'
  run ! opens /dev/mine
  refused "Read-only file system" --device-add "$(klog):/dev/klog" --device-add "$(klog):/klog"
  run ! opens /dev/mine
}

@test "update --device-add: bad input is one clear line" {
  sleeper d "$CAPS"
  refused "--device-add /nowhere: /nowhere: No such file" --device-add /nowhere
  refused "/etc/passwd is no device node" --device-add /etc/passwd
  for bad in "" : relative /dev/kmsg:rel "$(klog):/a/../b" "$(klog):/x:rwx" "$(klog):/x:" "$(klog):/x:r:w" "$(klog):/" "$(klog)::r"; do
    refused "want /PATH[:/PATH-INSIDE][:rwm]" --device-add "$bad"
  done
  refused "has it already" --device-add "$(klog):/dev/a" --device-add "$(klog):/dev/a"
  refused "no such device was added" --device-rm /dev/null
  oci kill d KILL
  wait_until 10 is_oci_status d stopped
  run oci update --device-add "$(klog)" d
  [ "$status" -eq 1 ]
  says "container not running: it is stopped"
}

@test "update --device-rm: what the container put in the node's place stays, the right to the device goes" {
  sleeper d "$CAPS"
  oci update --device-add "$(klog):/dev/klog" --device-add "$(klog):/dev/gone" d
  inside 'rm /dev/klog /dev/gone; echo mine >/dev/klog; mknod /dev/kept c 1 11'
  run oci update --device-rm /dev/klog --device-rm /dev/gone d
  [ "$status" -eq 0 ]
  says "/dev/klog: is another file now"
  [ "$(inside 'cat /dev/klog')" = mine ]
  run ! opens /dev/kept
}

@test "update --device-add: links of the container lead nowhere but into the container" {
  victim=$BATS_TEST_TMPDIR/victim
  mkdir "$victim"
  for userns in . "$USERNS"; do
    sleeper d "$userns | .mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"tmpfs\"}]"
    inside "ln -s $victim /tmp/abs; ln -s ../../../../../../../../..$victim /tmp/up; ln -s /proc/1/root/tmp /tmp/magic; ln -s $victim/x /tmp/last"
    run oci update --device-add "$(klog):/tmp/abs/klog" d
    [ "$status" -eq 1 ]
    run oci update --device-add "$(klog):/tmp/up/klog" d
    [ "$status" -eq 1 ]
    run oci update --device-add "$(klog):/tmp/magic/klog" d
    [ "$status" -eq 1 ]
    run oci update --device-add "$(klog):/tmp/last" d
    [ "$status" -eq 1 ]
    says "has something there already"
    [ -z "$(ls -A "$victim")" ]
    oci delete -f d
  done
}
