#!/usr/bin/env bats
# Attacks on a runtime's own processes: while they are in the container, through what they leave open there, and on what
# the container's processes get from them. Each attack is first shown to work on a runtime without the defence.
load ../lib/common
load ../lib/bundle
load ../lib/gauntlet

setup_file() { gauntlet_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { still; bundle_teardown; }

# CVE-2016-9962: a process that `exec` brings in could be looked at by the container's processes when it had their
# capabilities already, but still held what it needed of the host: they looked into /proc/PID/fd of whatever appeared.
# Stopped by: it is not dumpable from its first instruction to its last. (Who has CAP_SYS_PTRACE and no user namespace
# between itself and the host is not stopped by that, here or elsewhere: it may ptrace whom it likes.)
look_into_newcomers() { # VICTIM
  local d=$BATS_TEST_TMPDIR/b code=1 host
  sleep 4242 3>&- & host=$! # a process of the host's, which the container must not see
  bundle "$d" ".process.args = [\"attacker\", \"descriptors\", \"/$host/cmdline\"]"
  in_background "$1" "$d" look || return 2
  for _ in $(seq 200); do
    # it ends when it has found something, and takes the newcomer along
    victim "$1" exec look true 2>/dev/null || true
    ! grep -qa 4242 "$d/out" || { code=0; break; }
  done
  kill "$host"; wait "$host" || true
  tr '\0' ' ' <"$d/out"
  gone "$1" look
  return $code
}

@test "CVE-2016-9962: a process that enters shows the container nothing of the host" {
  works look_into_newcomers weak:dumpable
  stopped look_into_newcomers tare
}

# CVE-2019-5736: the container makes the runtime execute itself in there (args[0] is /proc/self/exe) and then holds
# /proc/PID/exe, the program file on the host. Once nothing runs from it, it can be opened again for writing by
# /proc/self/fd/N and replaced. Stopped by: what enters runs from a read-only detached mount of the file (runtime/seal.c).
overwrite_program() { # VICTIM PROGRAM
  local d=$BATS_TEST_TMPDIR/b before VICTIM_PROGRAM=$BATS_TEST_TMPDIR/copy
  cp "$2" "$VICTIM_PROGRAM"
  before=$(sha256sum <"$VICTIM_PROGRAM")
  rm -f "$OCI_ROOTFS/tmp/fifo"; mkfifo "$OCI_ROOTFS/tmp/fifo"
  bundle "$d" '.process.args = ["attacker", "program", "/tmp/fifo", "this was a runtime"] | .root.readonly = false'
  in_background "$1" "$d" over || return 2
  # its log is the pipe: it waits there until it has been looked at
  timeout 20 "$VICTIM_PROGRAM" --root "$OCI_ROOT" exec over /proc/self/exe --log /tmp/fifo list || true
  wait_until 10 grep -q . "$d/out" || return 2
  cat "$d/out"
  grep -q 'overwritten\|refused' "$d/out" || return 2 # it got hold of the file
  TARE_WEAKEN= "$2" --root "$OCI_ROOT" delete -f over
  rm -f "$OCI_ROOTFS/tmp/fifo"
  [ "$(sha256sum <"$VICTIM_PROGRAM")" != "$before" ]
}

@test "CVE-2019-5736: a container cannot overwrite the runtime through /proc/PID/exe" {
  [ -z "${TARE_SANITIZED:-}" ] || skip "a sanitizer's program is not static: it does not start in the container"
  TARE_WEAKEN=seal works overwrite_program weak:seal "$WEAK"
  stopped overwrite_program tare "$TARE_BIN/tare-oci"
  grep -q 'refused: Read-only file system' "$BATS_TEST_TMPDIR/b/out"
}

# CVE-2022-29162: processes started with --cap had these capabilities inheritable, too. A user other than root then has
# them by executing a file whose inheritable set names them, which no image should be able to give. Stopped by: nothing
# but what the bundle lists becomes inheritable.
inherit_capability() { # VICTIM
  local d=$BATS_TEST_TMPDIR/b code=0
  OCI_COMMAND='exec sleep 100' bundle "$d" '.process.noNewPrivileges = false | .process.capabilities.inheritable = []'
  in_background "$1" "$d" inherit || return 2
  victim "$1" exec -u 1000:1000 --cap CAP_NET_RAW inherit /bin/gains grep -E '^Cap(Inh|Eff)' /proc/self/status >"$d/status" 2>&1
  cat "$d/status"
  grep -q CapInh "$d/status" || return 2
  # CAP_NET_RAW is bit 13
  grep -qE '^CapEff:\s+0000000000002000' "$d/status" || code=1
  gone "$1" inherit
  return $code
}

@test "CVE-2022-29162: exec --cap gives nothing that a file's inheritable capabilities turn into rights" {
  cp "$OCI_ROOTFS/bin/busybox" "$OCI_ROOTFS/bin/gains"
  setcap cap_net_raw=ei "$OCI_ROOTFS/bin/gains"
  # busybox is what it is called
  mv "$OCI_ROOTFS/bin/gains" "$OCI_ROOTFS/bin/busybox-gains"
  printf '#!/bin/busybox-gains sh\nexec /bin/busybox-gains "$@"\n' >"$OCI_ROOTFS/bin/gains"; chmod 755 "$OCI_ROOTFS/bin/gains"
  works inherit_capability weak:inheritable
  stopped inherit_capability tare
}

# CVE-2024-21626: the runtime had a folder of the host open when it entered the working folder, and process.cwd may say
# /proc/self/fd/N: the process then stands in the host's tree, and ".." leads on. Stopped by, each alone: all descriptors
# but the needed ones are closed before; the working folder is opened without following magic links; it must have a path
# below the container's root.
stand_outside() { # VICTIM HOW
  local d=$BATS_TEST_TMPDIR/b n code=1 up=../../../../../../../../../../..
  : >"$d.out"
  for n in $(seq 3 24); do
    if [ "$2" = run ]; then
      OCI_COMMAND="cat $up$SECRET" bundle "$d" ".process.cwd = \"/proc/self/fd/$n\""
      victim "$1" run -b "$d" "out$n" </dev/null >>"$d.out" 2>&1 || true
      gone "$1" "out$n"
    else
      victim "$1" exec --cwd "/proc/self/fd/$n" outside cat "$up$SECRET" </dev/null >>"$d.out" 2>&1 || true
    fi
  done
  sort "$d.out" | uniq -c
  ! grep -q "host secret" "$d.out" || code=0
  return $code
}

@test "CVE-2024-21626: no working folder is one of the host's, left open" {
  works stand_outside "weak:close cwd" run
  stopped stand_outside "weak:close" run
  stopped stand_outside "weak:cwd" run
  stopped stand_outside tare run
}

@test "CVE-2024-21626: nor is it in exec" {
  OCI_COMMAND='exec sleep 100' bundle "$BATS_TEST_TMPDIR/s"
  in_background tare "$BATS_TEST_TMPDIR/s" outside
  works stand_outside "weak:close cwd" exec
  stopped stand_outside tare exec
}

@test "the program that tests are weakened with is none of the product's" {
  grep -q WEAKENED <("$WEAK" --version)
  run -1 grep -ciE 'weaken' "$TARE_BIN/tare-oci"
  TARE_WEAKEN="seal close cwd" run -0 "$TARE_BIN/tare-oci" --version
  [[ $output != *WEAKENED* ]]
}

@test "every file that a defence is in is part of the weakened program" {
  for f in $(cd "$TARE_TESTS/../src" && grep -rl 'defence(' --include=*.c . | grep -v ^./cmd/oci/); do
    grep -qF "'../../src/${f#./}'" "$TARE_TESTS/gauntlet/meson.build" || { echo "not in it: $f"; return 1; }
  done
}
