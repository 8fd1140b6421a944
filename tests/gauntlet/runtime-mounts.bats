#!/usr/bin/env bats
# Attacks on where a runtime mounts: links in the image, and in volumes that somebody changes meanwhile.
load ../lib/common
load ../lib/bundle
load ../lib/gauntlet

setup_file() { gauntlet_setup_file; }
teardown_file() { bundle_teardown_file; }
setup() {
  export D=$BATS_TEST_TMPDIR/b OUTSIDE=$BATS_TEST_TMPDIR/outside VOLUME=$BATS_TEST_TMPDIR/volume
  mkdir -p "$OUTSIDE" "$VOLUME"
}
teardown() { still; bundle_teardown; }

# once VICTIM: the bundle in the foreground, all it says in D/out; whether it worked does not matter here.
once() {
  victim "$1" run -b "$D" once </dev/null >"$D/out" 2>&1 || true
  gone "$1" once
}

# CVE-2019-16884: an image with a volume on /proc (or a folder of it): what the runtime and others write there, labels for
# example, goes to files of the attacker's. Stopped by: whatever name leads there, nothing but a procfs is mounted on /proc
# and nothing but a few files that only tell things below it.
cover_proc() { # VICTIM DESTINATION FILE
  mkdir -p "$VOLUME/attr"; echo forged >"$VOLUME/exec"; echo forged >"$VOLUME/attr/exec"
  OCI_COMMAND="cat $3" bundle "$D" ".mounts += [{destination: \"$2\", type: \"bind\", source: \"$VOLUME\", options: [\"rbind\"]}]"
  once "$1"
  cat "$D/out"
  grep -q '^forged' "$D/out"
}

@test "CVE-2019-16884: no volume lies over /proc" {
  works cover_proc weak:proc_place /proc /proc/attr/exec
  works cover_proc weak:proc_place /proc/1/attr /proc/1/attr/exec
  works cover_proc weak:proc_place /proc/self/attr /proc/1/attr/exec
  stopped cover_proc tare /proc /proc/attr/exec
  stopped cover_proc tare /proc/1/attr /proc/1/attr/exec
  stopped cover_proc tare /proc/self/attr /proc/1/attr/exec
  grep -q 'nothing may be mounted over' "$D/out"
}

# CVE-2019-19921: in the image /proc is a link. The procfs then lies where the link leads, and the container, whose link it
# is, puts something else in place of it afterwards. Stopped by: proc and sys are only mounted on an ordinary folder.
replace_proc() { # VICTIM [DESTINATION]
  own_root "$BATS_TEST_TMPDIR/r"
  rmdir "$BATS_TEST_TMPDIR/r/proc"; mkdir "$BATS_TEST_TMPDIR/r/elsewhere"; ln -s elsewhere "$BATS_TEST_TMPDIR/r/proc"
  OCI_COMMAND='rm /proc && mkdir -p /proc/self/attr && echo forged >/proc/self/attr/exec && cat /proc/self/attr/exec' \
    bundle "$D" ".root = {path: \"$BATS_TEST_TMPDIR/r\", readonly: false}
      | .mounts |= map(if .type == \"proc\" then .destination = \"${2:-/proc}\" else . end)"
  once "$1"
  rm -rf "$BATS_TEST_TMPDIR/r"
  cat "$D/out"
  grep -q '^forged' "$D/out"
}

@test "CVE-2019-19921: /proc of the image that is a link is refused" {
  works replace_proc weak:proc_place
  stopped replace_proc tare
  grep -q 'must be mounted on ordinary directory' "$D/out"
  stopped replace_proc tare /proc/
  grep -q 'must be mounted on ordinary directory' "$D/out"
}

# CVE-2023-27561: the former, back again: the link leads into a volume, which another container has, too, and can change
# while this one is set up. Stopped as the former.
proc_in_volume() { # VICTIM
  own_root "$BATS_TEST_TMPDIR/r"
  rmdir "$BATS_TEST_TMPDIR/r/proc"; mkdir -p "$BATS_TEST_TMPDIR/r/vol" "$VOLUME/proc"; ln -s vol/proc "$BATS_TEST_TMPDIR/r/proc"
  OCI_COMMAND='grep " /vol/proc " /proc/mounts' bundle "$D" ".root.path = \"$BATS_TEST_TMPDIR/r\"
    | .mounts = [{destination: \"/vol\", type: \"bind\", source: \"$VOLUME\", options: [\"rbind\"]}] + .mounts"
  once "$1"
  rm -rf "$BATS_TEST_TMPDIR/r"
  cat "$D/out"
  grep -q '^proc /vol/proc' "$D/out"
}

@test "CVE-2023-27561: /proc that a link leads into a volume is refused" {
  works proc_in_volume weak:proc_place
  stopped proc_in_volume tare
  grep -q 'must be mounted on ordinary directory' "$D/out"
}

# CVE-2023-28642: with /proc or /sys a link, a process that is to be confined by AppArmor is not: its profile is written
# to a file of the container's. Stopped by: refused as above; and labels are written through a procfs of the runtime's own,
# so that a /proc that is none makes the start fail.
forge_label() { # VICTIM: the container has made its own /proc
  local code=0
  own_root "$BATS_TEST_TMPDIR/r"
  mkdir -p "$BATS_TEST_TMPDIR/r/proc/thread-self/attr/apparmor"; touch "$BATS_TEST_TMPDIR/r/proc/thread-self/attr/apparmor/exec"
  OCI_COMMAND='echo unconfined' bundle "$D" ".root = {path: \"$BATS_TEST_TMPDIR/r\", readonly: false} | .process.apparmorProfile = \"strict\"
    | .mounts |= map(select(.type != \"proc\")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []"
  once "$1"
  cat "$D/out"
  grep -q '^exec strict' "$BATS_TEST_TMPDIR/r/proc/thread-self/attr/apparmor/exec" && grep -q '^unconfined' "$D/out" || code=1
  rm -rf "$BATS_TEST_TMPDIR/r"
  return $code
}

@test "CVE-2023-28642: a label reaches the kernel, not a file of the image" {
  works forge_label weak:own_proc
  stopped forge_label tare
  grep -q 'process.apparmorProfile' "$D/out"
}

link_to_sys() {
  own_root "$BATS_TEST_TMPDIR/r"
  rmdir "$BATS_TEST_TMPDIR/r/sys"; mkdir "$BATS_TEST_TMPDIR/r/elsewhere"; ln -s elsewhere "$BATS_TEST_TMPDIR/r/sys"
  OCI_COMMAND='echo started' bundle "$D" ".root.path = \"$BATS_TEST_TMPDIR/r\""
  once "$1"
  rm -rf "$BATS_TEST_TMPDIR/r"
  cat "$D/out"
  grep -q '^started' "$D/out"
}

@test "CVE-2023-28642: /sys of the image that is a link is refused" {
  works link_to_sys weak:proc_place
  stopped link_to_sys tare
}

# CVE-2021-30465 and CVE-2024-45310: a volume is shared with a hostile container, which all the time exchanges a folder in
# it with a link to a folder of the host; the runtime, between looking up the mount point and using it, goes through the
# link. So a mount lands on the host's tree (30465), or an empty folder is made there (45310). Stopped by: a mount point is
# looked up, made and used by handles that the kernel keeps below the root (openat2, RESOLVE_IN_ROOT), never by name.
mount_through_exchange() { # VICTIM ROUNDS
  local round code=1 tail
  tail=$(printf '/y%.0s' $(seq 4)) # the longer the way, the longer it takes between looking and making
  mkdir -p "$VOLUME/place"; ln -sfn "$OUTSIDE" "$VOLUME/link"
  exchanging "$VOLUME/place" "$VOLUME/link"
  for round in $(seq "$2"); do
    in_time || break
    bundle "$D" ".mounts += [{destination: \"/vol\", type: \"bind\", source: \"$VOLUME\", options: [\"rbind\"]},
      {destination: \"/vol/place/a$round$tail\", type: \"tmpfs\", source: \"tmpfs\"}]"
    once "$1"
    [ -z "$(ls -A "$OUTSIDE")" ] || { code=0; break; }
  done
  still
  echo "round $round of $2: $(ls -A "$OUTSIDE") came to be outside"; cat "$D/out"
  rm -rf "$OUTSIDE" "$VOLUME"; mkdir "$OUTSIDE" "$VOLUME"
  return $code
}

@test "CVE-2021-30465: a mount point that is exchanged with a link meanwhile stays in the root" {
  works mount_through_exchange weak:in_root 200
  stopped mount_through_exchange tare 60
}

@test "CVE-2024-45310: no empty folder is made outside" {
  works mount_through_exchange runc 500
  stopped mount_through_exchange tare 60
}

# The same with the target of a file, with a relative link that leads up, and with a link at the end.
link_out() { # VICTIM LINK DESTINATION
  own_root "$BATS_TEST_TMPDIR/r"
  ln -s "$2" "$BATS_TEST_TMPDIR/r/link"; echo mounted >"$VOLUME/file"
  bundle "$D" ".root.path = \"$BATS_TEST_TMPDIR/r\" | .mounts += [{destination: \"$3\", type: \"bind\", source: \"$VOLUME/file\", options: [\"bind\"]}]"
  once "$1"
  cat "$D/out"
  rm -rf "$BATS_TEST_TMPDIR/r"
  [ -n "$(ls -A "$OUTSIDE")" ] || return 1
  rm -rf "$OUTSIDE"; mkdir "$OUTSIDE"
}

@test "links of the image lead no mount outside" {
  works link_out weak:in_root "$OUTSIDE" /link/file
  works link_out weak:in_root "../../../../../../../../../..$OUTSIDE" /link/file
  stopped link_out tare "$OUTSIDE" /link/file
  stopped link_out tare "../../../../../../../../../..$OUTSIDE" /link/file
  stopped link_out tare "$OUTSIDE/new" /link
}

# Device nodes and links of /dev, made in a /dev that is the image's own folder and is exchanged with a link meanwhile.
devices_through_exchange() { # VICTIM ROUNDS
  local round code=1 r=$BATS_TEST_TMPDIR/r
  own_root "$r"
  ln -s "$OUTSIDE" "$r/link"
  bundle "$D" ".root = {path: \"$r\", readonly: false} | .mounts |= map(select(.destination | startswith(\"/dev\") | not))"
  exchanging "$r/dev" "$r/link"
  for round in $(seq "$2"); do
    in_time || break
    once "$1"
    [ -z "$(ls -A "$OUTSIDE")" ] || { code=0; break; }
  done
  still
  echo "round $round of $2: $(ls -A "$OUTSIDE")"; cat "$D/out"
  rm -rf "$r" "$OUTSIDE"; mkdir "$OUTSIDE"
  return $code
}

@test "no device node is made outside" {
  works devices_through_exchange weak:in_root 200
  stopped devices_through_exchange tare 40
}
