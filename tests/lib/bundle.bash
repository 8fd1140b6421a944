# Bundles for OCI runtimes, and tare-oci beside runc as the oracle.
#
#   load ../lib/common; load ../lib/bundle
#   setup_file()    { bundle_setup_file; }
#   teardown_file() { bundle_teardown_file; }
#   bundle DIR [JQ FILTER]     DIR/config.json over the file's busybox root, from what `tare-oci spec` gives
#   oci ARGS...                tare-oci with this file's state folder
#   as_runc DIR                runs DIR's container under both, and fails when output or exit code differ
# shellcheck shell=bash

OCI_APPLETS="sh ash awk cat cut date dd df echo env false grep head hostname id kill ls mkdir mount nc ps pwd readlink rm
  rmdir sed sleep sort stat stty test touch tr true tty umount unshare wc xargs"

bundle_setup_file() {
  bats_require_minimum_version 1.5.0
  export OCI_ROOT=$BATS_FILE_TMPDIR/oci RUNC_ROOT=$BATS_FILE_TMPDIR/runc OCI_ROOTFS=$BATS_FILE_TMPDIR/rootfs
  export OCI_CGROUP=/tare/oci-test-$$
  mkdir -p "$OCI_ROOTFS"/{bin,dev,proc,sys,tmp,etc,root}
  cp /bin/busybox "$OCI_ROOTFS/bin/busybox"
  for a in $OCI_APPLETS; do ln -s busybox "$OCI_ROOTFS/bin/$a"; done
  printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n' >"$OCI_ROOTFS/etc/passwd"
  printf 'root:x:0:\nweb:x:33:\n' >"$OCI_ROOTFS/etc/group"
  bundle_state >"$BATS_FILE_TMPDIR/before"
}

oci() { "$TARE_BIN/tare-oci" --root "$OCI_ROOT" "$@"; }

# A bundle that runs `sh -c $OCI_COMMAND` (default: true) unless the filter says otherwise.
bundle() { # DIR [JQ FILTER [JQ OPTION...]]
  mkdir -p "$1"
  rm -f "$1/config.json"
  [ -e "$BATS_FILE_TMPDIR/config.json" ] || "$TARE_BIN/tare-oci" spec -b "$BATS_FILE_TMPDIR"
  jq --arg c "${OCI_COMMAND:-true}" --arg r "$OCI_ROOTFS" --arg g "$OCI_CGROUP" \
    '.process.terminal = false | .process.args = ["sh", "-c", $c] | .root.path = $r | .linux.cgroupsPath = $g | '"(${2:-.})" \
    "${@:3}" "$BATS_FILE_TMPDIR/config.json" >"$1/config.tmp"
  mv "$1/config.tmp" "$1/config.json"
}

# runc and tare-oci must print the same and end with the same code. runc carries stdout and stderr through two pipes, so a
# command that writes to both begins with `exec 2>&1`.
as_runc() { # DIR
  local ours theirs code=0
  # runc of Debian 12 knows the specification up to 1.0.2; what it does not know it would ignore
  ours=$(oci run -b "$1" same </dev/null 2>&1; echo "exit $?") || true
  theirs=$(runc --root "$RUNC_ROOT" run -b "$1" same </dev/null 2>&1; echo "exit $?") || true
  [ "$ours" = "$theirs" ] || { code=1; diff <(echo "runc: $theirs") <(echo "tare: $ours") >&2; }
  return $code
}

# A created and started container that sleeps.
sleeper() { # ID [JQ FILTER]
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/$1" "${2:-.}"
  # shellcheck disable=SC2094
  oci create -b "$BATS_TEST_TMPDIR/$1" "$1" </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/$1.err" ||
    { cat "$BATS_TEST_TMPDIR/$1.err"; return 1; }
  oci start "$1"
}

oci_status() { oci state "$1" | jq -r .status; }
oci_pid() { oci state "$1" | jq -r .pid; }
is_oci_status() { [ "$(oci_status "$1" 2>/dev/null)" = "$2" ]; }
is_gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }

# The output of `run` with the quotes of a text log undone has this in it.
says() { # TEXT
  # shellcheck disable=SC2154
  [[ "${output//\\\"/\"}" == *"$1"* ]] || { echo "not said: $1"; echo "$output"; return 1; }
}

# Lines that name what a leak would leave.
bundle_state() {
  find /sys/fs/cgroup -type d -path "*$OCI_CGROUP*" 2>/dev/null | sed 's/^/cgroup /'
  pgrep -a 'tare-oci' | awk -v d="$BATS_FILE_TMPDIR" 'index($0, d) { print "process " $0 }'
  awk -v d="$BATS_FILE_TMPDIR" 'index($5, d) == 1 { print "mount " $5 }' /proc/self/mountinfo
  find "$OCI_ROOT" "$RUNC_ROOT" -mindepth 1 -maxdepth 1 2>/dev/null | sed 's/^/left /'
}

# For teardown(): no container outlives its test, whatever became of it.
bundle_teardown() {
  local d
  for d in "$OCI_ROOT"/*/; do [ ! -d "$d" ] || oci delete -f -- "$(basename "$d")" 2>/dev/null || true; done
  for d in "$RUNC_ROOT"/*/; do [ ! -d "$d" ] || runc --root "$RUNC_ROOT" delete -f "$(basename "$d")" 2>/dev/null || true; done
}

bundle_teardown_file() {
  local i
  bundle_teardown
  for i in 1 2 3 4 5 6 7 8 9 10; do
    bundle_state >"$BATS_FILE_TMPDIR/after"
    cmp -s "$BATS_FILE_TMPDIR/before" "$BATS_FILE_TMPDIR/after" && return 0
    sleep "0.$i"
  done
  echo "left on the machine:" >&2
  diff "$BATS_FILE_TMPDIR/before" "$BATS_FILE_TMPDIR/after" >&2
  return 1
}
