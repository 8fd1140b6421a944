# For the files of tests/gauntlet that replay attacks on OCI runtimes.
#
#   load ../lib/common; load ../lib/bundle; load ../lib/gauntlet
#   setup_file()    { gauntlet_setup_file; }
#   teardown_file() { bundle_teardown_file; }
#   works ATTACK VICTIM ARGS...     the attack does what it is meant to do: the harness would notice
#   stopped ATTACK VICTIM ARGS...   it does not
#
# A victim is `tare`; `runc`, Debian's; or `weak:NAMES`, tare-oci without these defences (src/base/defence.h). An ATTACK is
# a function that is given the victim, prints what it saw, and is 0 when it worked, 1 when it did not; anything else is a
# broken test. What attacks aim at are files of the test's own.
# shellcheck shell=bash

gauntlet_setup_file() {
  bundle_setup_file
  flock "$TARE_BUILD" ninja -C "$TARE_BUILD" --quiet tests/gauntlet/tare-oci-weakened tests/gauntlet/attacker
  export WEAK=$TARE_BUILD/tests/gauntlet/tare-oci-weakened ATTACKER=$TARE_BUILD/tests/gauntlet/attacker
  export SECRET=$BATS_FILE_TMPDIR/secret
  cp "$ATTACKER" "$OCI_ROOTFS/bin/attacker"
  echo "host secret" >"$SECRET"
}

# victim VICTIM ARGS...: the runtime's command line. VICTIM_PROGRAM: run this copy of it.
victim() {
  local v=$1; shift
  case $v in
  tare) "${VICTIM_PROGRAM:-$TARE_BIN/tare-oci}" --root "$OCI_ROOT" "$@" ;;
  weak:*) TARE_WEAKEN=${v#weak:} "${VICTIM_PROGRAM:-$WEAK}" --root "$OCI_ROOT" "$@" ;;
  runc) timeout --foreground -k 1 20 runc --root "$RUNC_ROOT" "$@" ;; # a race may leave it waiting for ever
  *) echo "no such victim: $v"; return 2 ;;
  esac
}

works() {
  local code try
  for try in 1 2 3; do # a race may not be won at once
    code=0
    "$@" || code=$?
    [ "$code" = 1 ] || break
    echo "attempt $try did not work"
  done
  [ "$code" = 0 ] || { echo "the attack does not work against $2 (code $code): the test would notice nothing"; return 1; }
}

stopped() {
  local code=0
  "$@" || code=$?
  [ "$code" = 1 ] || { echo "the attack worked against $2, or broke (code $code)"; return 1; }
}

# in_background VICTIM DIR ID: a container that goes on, its output in DIR/out.
in_background() {
  victim "$1" run -d -b "$2" "$3" </dev/null >"$2/out" 2>&1
}

# gone VICTIM ID: no trace of it.
gone() { victim "$1" delete -f "$2" >/dev/null 2>&1 || true; }

# exchanging A B: from now on, until `still`, A and B change places all the time.
exchanging() { "$ATTACKER" exchange "$1" "$2" >/dev/null 2>&1 3>&- & EXCHANGER=$!; RACE_END=$((SECONDS + 90)); }
# A race is bounded by rounds, and on a busy machine by time.
in_time() { [ "$SECONDS" -lt "$RACE_END" ]; }
still() { [ -z "${EXCHANGER:-}" ] || { kill "$EXCHANGER" 2>/dev/null; wait "$EXCHANGER" 2>/dev/null || true; EXCHANGER=; }; }

# A root of the test's own, which it may spoil.
own_root() { # DIR
  cp -a "$OCI_ROOTFS" "$1"
}
