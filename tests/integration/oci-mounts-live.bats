#!/usr/bin/env bats
# tare-oci mounts add, mounts remove: what a container that runs gets and loses, all of a list or nothing.
load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }

setup() {
  chmod 755 "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  mkdir -p "$BATS_TEST_TMPDIR/data/deep"
  echo data >"$BATS_TEST_TMPDIR/data/f"
}
teardown() { bundle_teardown; }

USERNS='.linux.namespaces += [{type: "user"}]
  | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
  | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'

inside() { oci exec m sh -c "$1"; }
on() { table | awk -v d="$1" 'index($5, d) == 1 { n++ } END { exit !n }'; }
table() { inside "cat /proc/self/mountinfo"; }
add() { jq -n "[$1]" | oci mounts add m -; }
remove() { jq -n "[$1]" | oci mounts remove m -; }
bind() { # DESTINATION [OPTIONS]
  echo "{destination: \"$1\", source: \"$BATS_TEST_TMPDIR/data\", type: \"bind\", options: [\"bind\"${2:+, $2}]}"
}
tmpfs() { # DESTINATION [OPTIONS]
  echo "{destination: \"$1\", source: \"tmpfs\", type: \"tmpfs\", options: [\"mode=0711\"${2:+, $2}]}"
}

# Refused with one line that says WHAT, and the container's mounts are as they were.
refused() { # WHAT COMMAND...
  local what=$1 before
  shift
  before=$(table)
  run "$@"
  [ "$status" -eq 1 ]
  says "$what"
  [ "$(grep -c level= <<<"$output")" -eq 1 ]
  [ "$(table)" = "$before" ] || { diff <(echo "$before") <(table); return 1; }
}

@test "mounts add and remove: a tmpfs and a read-only bind from one file, as crun has it" {
  sleeper m '.root.readonly = false'
  before=$(table)
  jq -n "[$(tmpfs /new/tmpfs '"nosuid", "noexec"'), $(bind /new/data '"ro", "nodev"')]" >"$BATS_TEST_TMPDIR/list"
  oci mounts add m "$BATS_TEST_TMPDIR/list"
  [ "$(inside 'cat /new/data/f; stat -c %a /new/tmpfs')" = $'data\n711' ]
  table | grep -q ' /new/tmpfs rw,nosuid,noexec,relatime - tmpfs tmpfs '
  table | grep -q ' /new/data ro,nodev,'
  run inside 'echo x >/new/data/f'
  [ "$status" -ne 0 ]
  # the host's mounts are as they were
  [ -z "$(awk -v d="$BATS_FILE_TMPDIR" 'index($5, d) == 1' /proc/self/mountinfo)" ]
  oci mounts remove m "$BATS_TEST_TMPDIR/list"
  [ "$(table)" = "$before" ]
  rm -r "$OCI_ROOTFS/new"
}

@test "mounts add: a container that is created or paused has them when it goes on" {
  OCI_COMMAND='cat /tmp/f; stat -f -c %T /root' bundle "$BATS_TEST_TMPDIR/m" '.root.readonly = false'
  oci create -b "$BATS_TEST_TMPDIR/m" m </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
  add "$(bind /tmp), $(tmpfs /root)"
  oci start m
  wait_until 10 is_oci_status m stopped
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = $'data\ntmpfs' ]
  oci delete m
  sleeper m
  oci pause m
  add "$(bind /tmp)"
  oci resume m
  [ "$(inside 'cat /tmp/f')" = data ]
}

@test "mounts add: in a container with a user namespace they are its own, ids mapped where asked" {
  sleeper m "$USERNS | .root.readonly = false"
  chown 0:0 "$BATS_TEST_TMPDIR/data"
  add "$(tmpfs /tmp), $(bind /root '"idmap"'), {destination: \"/tmp/sys\", type: \"sysfs\", source: \"sysfs\", options: [\"ro\"]}"
  [ "$(inside 'stat -c %u:%g /tmp; touch /tmp/x; stat -c %u /root /root/f; touch /root/made; ls /tmp/sys | grep -c kernel')" = $'0:0\n0\n0\n1' ]
  [ "$(stat -c %u "$BATS_TEST_TMPDIR/data/made")" -eq 0 ]
  remove '{destination: "/tmp/sys"}, {destination: "/tmp"}, {destination: "/root"}'
  [ "$(inside 'ls /root /tmp')" = "$(printf '/root:\n\n/tmp:')" ]
  # not asked, not mapped: the host's root is nobody there
  add "$(bind /root)"
  [ "$(inside 'stat -c %u /root/f')" = 65534 ]
}

@test "mounts add: proc, mqueue, cgroup and a source in the container" {
  sleeper m '.root.readonly = false | .linux.namespaces -= [{type: "cgroup"}]'
  inside 'mkdir /tmp/src && echo src >/tmp/src/f && mkdir /tmp/link && ln -s /../../etc /tmp/out'
  add "{destination: \"/tmp/p\", type: \"proc\", source: \"proc\"}, {destination: \"/tmp/q\", type: \"mqueue\", source: \"mqueue\"},
    {destination: \"/tmp/there\", source: \"$OCI_ROOTFS/tmp/src\", type: \"bind\", options: [\"rbind\"]},
    {destination: \"/tmp/etc\", source: \"$OCI_ROOTFS/tmp/out\", type: \"bind\", options: [\"rbind\"]}"
  # the container's processes, not the host's
  [ "$(inside 'cat /tmp/p/1/cmdline | tr "\0" " "; cat /tmp/there/f; ls /tmp/etc')" = $'sleep 1000 src\ngroup\npasswd' ]
  refused "control groups are mounted when a container is created" add '{destination: "/tmp/cg", type: "cgroup", source: "cgroup"}'
  oci delete -f m
  rm -r "$OCI_ROOTFS"/tmp/*
}

@test "mounts add: in a container made with --no-pivot" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/m"
  # shellcheck disable=SC2094
  oci create --no-pivot -b "$BATS_TEST_TMPDIR/m" m </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/m.err"
  oci start m
  add "$(bind /tmp)"
  [ "$(inside 'cat /tmp/f')" = data ]
  remove '{destination: "/tmp"}'
  run ! on /tmp
}

@test "mounts add: all of a list or nothing" {
  sleeper m '.root.readonly = false'
  inside 'mkdir -p /tmp/a /tmp/b; touch /tmp/file'
  refused "mount on /tmp/file" add "$(bind /tmp/a), $(tmpfs /tmp/b), $(bind /tmp/a/deep), $(bind /tmp/file)"
  refused "bind source /nowhere" add "$(bind /tmp/a), {destination: \"/tmp/b\", source: \"/nowhere\", options: [\"bind\"]}"
  refused "no file system \"nosuchfs\"" add "$(bind /tmp/a), {destination: \"/tmp/b\", source: \"x\", type: \"nosuchfs\"}"
  refused "size=much" add "$(bind /tmp/a), $(tmpfs /tmp/b '"size=much"')"
  oci delete -f m
  rm -r "$OCI_ROOTFS"/tmp/*
}

@test "mounts add: nothing covers what is masked" {
  sleeper m
  refused "it would cover what is masked" add '{destination: "/proc", type: "proc", source: "proc"}'
  refused "it would cover what is masked" add '{destination: "/proc/", type: "proc", source: "proc"}'
  refused "it would cover what is masked" add '{destination: "/sys", type: "sysfs", source: "sysfs"}'
  oci delete -f m
}

@test "mounts add and remove: bad input is one clear line" {
  sleeper m
  echo '{"destination": "/x"}' >"$BATS_TEST_TMPDIR/object"
  refused "mounts: must be an array" oci mounts add m "$BATS_TEST_TMPDIR/object"
  refused "/nowhere: " oci mounts add m /nowhere
  refused "mounts[1].destination: is required" add "$(bind /tmp), {source: \"x\"}"
  refused "mount on /missing: mount point: it is missing, and can't be made on a read-only file system" add "$(bind /missing)"
  refused "mount on /: that is the root file system's place" add "$(bind /)"
  refused "which nothing may be mounted over" add "$(bind /proc/sys)"
  refused "mount on /dev: it is made when a container is created" add "$(tmpfs /dev)"
  refused "/tmp: is no mount point" remove '{destination: "/tmp"}'
  refused "/nothing: " remove '{destination: "/nothing"}'
  for vital in / /proc /sys /dev /dev/pts /proc/.. /dev/../proc; do
    refused "$vital: the container can't be without it" remove "{destination: \"$vital\"}"
  done
  masked=$(table | awk '$5 ~ "^/proc/" && $0 ~ / - (tmpfs|devtmpfs) / { print $5; exit }')
  refused "linux.maskedPaths" remove "{destination: \"$masked\"}"
  refused "linux.readonlyPaths" remove '{destination: "/proc/sys"}'
  add "$(bind /tmp)"
  refused "/tmp: named twice" remove '{destination: "/tmp"}, {destination: "/tmp/../tmp"}'
  refused "/nothing: " remove '{destination: "/tmp"}, {destination: "/nothing"}'
  run oci mounts add none "$BATS_TEST_TMPDIR/object"
  [ "$status" -eq 1 ]
  oci kill m KILL
  wait_until 10 is_oci_status m stopped
  run add "$(bind /tmp)"
  [ "$status" -eq 1 ]
  says "container not running: it is stopped"
  run oci mounts
  [[ "$output" == *"tare-oci mounts "*"add "*"remove "* ]]
}

@test "mounts remove: mounts on each other, in either order" {
  sleeper m
  add "$(tmpfs /tmp), $(tmpfs /tmp/below)"
  remove '{destination: "/tmp"}, {destination: "/tmp/below"}'
  run ! on /tmp
  add "$(tmpfs /tmp), $(tmpfs /tmp/below)"
  remove '{destination: "/tmp/below"}, {destination: "/tmp"}'
  run ! on /tmp
  # one over the other: the upper one goes
  add "$(tmpfs /tmp), $(bind /tmp)"
  remove '{destination: "/tmp"}'
  on /tmp
}

@test "mounts add: links of the container lead nowhere but into the container" {
  victim=$BATS_TEST_TMPDIR/victim
  mkdir "$victim"
  sleeper m '.root.readonly = false'
  inside "ln -s $victim /tmp/abs; ln -s ../../../../../../../../../..$victim /tmp/up; ln -s /proc/1/root/tmp /tmp/magic; ln -s /proc/1 /tmp/self"
  add "$(bind /tmp/abs), $(bind /tmp/up)"
  [ -z "$(ls -A "$victim")" ]
  [ "$(inside "cat $victim/f")" = data ]
  refused "through a process's files in /proc" add "$(bind /tmp/magic)"
  refused "which nothing may be mounted over" add "$(bind /tmp/self)"
  oci delete -f m
  rm -r "${OCI_ROOTFS:?}/tmp"/* "$OCI_ROOTFS/${BATS_FILE_TMPDIR%%/[!/]*}"/tmp 2>/dev/null || true
}

@test "mounts add: a target that flips between folder and link while it is mounted on" {
  # a container's process exchanges a folder on the way with a link to the outside; whatever add hits, it is inside
  victim=$BATS_TEST_TMPDIR/victim
  mkdir -p "$victim/to"
  OCI_COMMAND="mkdir -p /tmp/way/to /tmp/$BATS_TEST_NUMBER; ln -s / /tmp/evil; cd /tmp
    while :; do mv way real; mv evil way; mv way evil; mv real way; done" bundle "$BATS_TEST_TMPDIR/m" '.root.readonly = false'
  oci create -b "$BATS_TEST_TMPDIR/m" m </dev/null >/dev/null 2>&1
  oci start m
  made=0
  for ((i = 0; i < 40; i++)); do
    add "$(tmpfs /tmp/way/to)" 2>/dev/null && made=$((made + 1))
    add "$(tmpfs "/tmp/way/../../..$victim/to")" 2>/dev/null || true
  done
  oci pause m
  [ "$made" -gt 0 ]
  # its own place in the host's table: neighbours mount elsewhere
  [ -z "$(awk -v d="$BATS_FILE_TMPDIR" 'index($5, d) == 1' /proc/self/mountinfo)" ]
  [ -z "$(ls -A "$victim/to")" ]
  oci delete -f m
  rm -rf "${OCI_ROOTFS:?}"/tmp/* "$OCI_ROOTFS/to"
}

@test "mounts add and remove: links are bound, mounted on and copied themselves" {
  ln -s f "$BATS_TEST_TMPDIR/data/to-f"
  at() { echo "{destination: \"/tmp/$1\", source: \"$BATS_TEST_TMPDIR/data/$2\", options: [\"bind\", $3]}"; }
  for more in . "$USERNS"; do
    sleeper m ".root.readonly = false | .mounts += [$(tmpfs /tmp)] | $more"
    inside 'ln -s nowhere /tmp/link; ln -s nowhere /tmp/on'
    before=$(table)
    both='"src-nofollow", "dest-nofollow"'
    add "$(at link to-f "$both"), $(at on f '"dest-nofollow"'), $(at new/copy to-f '"copy-symlink"')"
    [ "$(inside 'readlink /tmp/link; readlink /tmp/new/copy; cat /tmp/on')" = $'f\nf\ndata' ]
    # a mount and a link that is there before one that cannot be: the mount is taken back
    refused "not the same link as the source" add "$(at other f '"dest-nofollow"'), $(at new/copy to-f '"copy-symlink"'), $(at on to-f '"copy-symlink"')"
    remove '{destination: "/tmp/on"}, {destination: "/tmp/link"}'
    [ "$(table)" = "$before" ]
    [ "$(inside 'readlink /tmp/link; readlink /tmp/on')" = $'nowhere\nnowhere' ]
    run remove '{destination: "/tmp/new/copy"}'
    [ "$status" -eq 1 ]
    oci delete -f m
  done
}
