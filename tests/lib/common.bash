# What every black-box test file of tare starts with:
#
#   load ../lib/common          (bats adds .bash)
#   setup_file()    { tare_setup_file; load_busybox; }
#   teardown_file() { tare_teardown_file; }
#
# Each file has its own store and state, and teardown_file fails when anything is left on the machine: a container, a
# process, a cgroup, a mount, a network namespace, a temporary file.
# shellcheck shell=bash

: "${TARE_BIN:?TARE_BIN must name the folder of the built programs}"

# `tare run "${INIT[@]}"`: --init. A sanitizer's tare-init is not static and wants its libraries beside it.
INIT=(--init)
[ -z "${TARE_SANITIZED:-}" ] || INIT+=(-v /lib64:/lib64:ro -v /lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu:ro)

# A private store and state; and what is on the machine before, to compare with after.
tare_setup_file() {
  bats_require_minimum_version 1.5.0
  export TARE_ROOT=$BATS_FILE_TMPDIR/root TARE_STATE=$BATS_FILE_TMPDIR/run TARE_BUILD=${TARE_BUILD:-${TARE_BIN%/bin}}
  export TARE_CNI_CONF_DIR=$BATS_FILE_TMPDIR/no-cni # the machine's own are no matter of ours (tests/lib/cni.bash has some)
  export TARE_CONFIG=/dev/null # nor are its settings
  mkdir -p "$TARE_ROOT" "$TARE_STATE"
  machine_state >"$BATS_FILE_TMPDIR/before"
}

tare() { "$TARE_BIN/tare" "$@"; }

# The busybox image every file may use, made once per build.
busybox_archive() {
  local tar=$TARE_BUILD/cache/busybox.tar
  if [ ! -e "$tar" ]; then
    mkdir -p "$TARE_BUILD/cache"
    "$BATS_TEST_DIRNAME/../../tools/make-image" "$tar.$$" busybox:latest && mv "$tar.$$" "$tar"
  fi
  echo "$tar"
}

load_busybox() { tare load -q -i "$(busybox_archive)"; }

# The cgroups of who started us, up to PID 1: nothing of ours may move them.
ancestors_cgroups() {
  local p=$$
  while [ "$p" -gt 0 ]; do
    sed "s/^/process $p is in cgroup /" "/proc/$p/cgroup"
    p=$(awk '$1 == "PPid:" { print $2 }' "/proc/$p/status")
  done
}

# Lines that name what a leak would leave: cgroups of tare, processes of ours, mounts, named network namespaces.
machine_state() {
  ancestors_cgroups
  # one with processes belongs to somebody else on this machine; processes of ours are found below. So does one of another
  # run of the tests that is still at it (OCI_CGROUP in bundle.bash).
  find /sys/fs/cgroup -type d -path '*/tare/*' ! -path '*/tare/monitor' 2>/dev/null | while read -r d; do
    p=${d##*/oci-test-}; p=${p%%/*}
    [ "$p" = $$ ] || [ "${d#*/oci-test-}" = "$d" ] || [ ! -e "/proc/$p" ] || continue
    [ -n "$(find "$d" -name cgroup.procs -exec cat {} + 2>/dev/null)" ] || echo "cgroup $d"
  done
  pgrep -a 'tare' | awk -v d="${BATS_FILE_TMPDIR:-/nowhere}" 'index($0, d) { print "process " $0 }'
  awk -v d="${BATS_FILE_TMPDIR:-/nowhere}" 'index($5, d) == 1 { print "mount " $5 }' /proc/self/mountinfo
  find /run/netns -type f 2>/dev/null | sed 's/^/netns /'
  find "${TARE_ROOT:-/nowhere}"/ingest "${TARE_ROOT:-/nowhere}"/containers "${TARE_STATE:-/nowhere}" "${TARE_STATE:-/nowhere}"/leaving \
    -mindepth 1 -maxdepth 1 ! -name '*.lock' ! -name events ! -name events.1 ! -name leaving 2>/dev/null | sed 's/^/left /'
}

# Removes every container of this file's store.
remove_all() {
  local ids
  ids=$(tare ps -aq --no-trunc 2>/dev/null) || true
  # shellcheck disable=SC2086
  [ -z "$ids" ] || tare rm -f $ids >/dev/null 2>&1 || true
}

# Then compares the machine with how it was.
tare_teardown_file() {
  local i
  remove_all
  for i in 1 2 3 4 5 6 7 8 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9; do # who looks after the networks asks after 1, 2, 4, 8 s whether anybody needs it
    machine_state >"$BATS_FILE_TMPDIR/after"
    [ -n "$(left_over)" ] || return 0
    sleep "0.$i"
  done
  echo "left on the machine:" >&2
  left_over >&2
  return 1
}

left_over() { comm -13 <(sort "$BATS_FILE_TMPDIR/before") <(sort "$BATS_FILE_TMPDIR/after"); }

# wait_until SECONDS COMMAND...: polls a condition of the test's, not of the product's. On a machine that is busy with others a look takes
# longer, and so it waits longer: for four looks a second, too.
wait_until() {
  local end=$(($(date +%s%N) + $1 * 1000000000)) looks=$(($1 * 4)); shift
  until "$@"; do
    looks=$((looks - 1))
    [ "$(date +%s%N)" -lt "$end" ] || [ $looks -gt 0 ] || { echo "still not true: $*" >&2; return 1; }
    sleep 0.05
  done
}

# wipe FOLDER...: what is in them goes, as by hand; who has just started, or ends just now, may write one more file meanwhile.
wipe() { wait_until 10 is_wiped "$@"; }
is_wiped() { find "$@" -mindepth 1 -delete 2>/dev/null; }

is_state() { [ "$(tare inspect "$1" | jq -r '.[0].State.Status')" = "$2" ]; }

# half NAME keeper|worker: its pid once it is up; never 0, which is to kill everybody of our own process group.
half() { wait_until 10 half_named "$@" && live "$@"; }
half_named() { [ "$(live "$@")" -gt 0 ]; }

# live NAME FIELD: a member of the live state (docs/formats.md), e.g. pid, keeper, worker.
live() {
  local id
  id=$(tare inspect "$1" | jq -r '.[0].Id')
  jq -r ".$2" "$TARE_STATE/$id/state.json"
}
