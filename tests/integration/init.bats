#!/usr/bin/env bats
# tare-init as a process of its own (as PID 1 it is tested with tare run --init).
bats_require_minimum_version 1.5.0
init() { "$TARE_BIN/tare-init" "$@"; }

@test "the exit code of the command is passed on, signals as 128 + n" {
  run init -- sh -c 'exit 42'
  [ "$status" -eq 42 ]
  run init sh -c 'kill -9 $$'
  [ "$status" -eq 137 ]
}

@test "no command, an unknown option: one line and 125" {
  for args in "" "--" "-g" "-g --" "--bad" "-x true"; do
    # shellcheck disable=SC2086
    run init $args
    [ "$status" -eq 125 ]
    [ "${#lines[@]}" -eq 1 ]
  done
}

@test "a command that is missing is 127, one that cannot run 126" {
  run -127 init /no/such/command
  run -126 init /etc/passwd
}

# Ten orphans that end, one that stays: whether zombies are left (looked for until there are none, since one that is
# about to be reaped is one too), and whose child the last is.
orphans='
  zombies() {
    for p in /proc/[0-9]*; do
      case $(sed "s/.*) //" "$p/stat" 2>/dev/null) in "Z $PPID "*) return 0 ;; esac
    done
    return 1
  }
  for i in 1 2 3 4 5 6 7 8 9 10; do (sh -c "sleep 0.05; exit 3" >/dev/null 2>&1 &); done
  (sleep 30 >/dev/null 2>&1 & echo $! >"$0")
  last=$(cat "$0") left=yes
  sleep 0.4
  for i in 1 2 3 4 5 6 7 8 9 10; do zombies || { left=no; break; }; sleep 0.1; done
  set -- $(sed "s/.*) //" "/proc/$last/stat")
  echo "zombies: $left, adopted: $([ "$2" = "$PPID" ] && echo yes || echo no)"
  kill "$last"'

@test "orphans are adopted and reaped" {
  run -0 init sh -c "$orphans" "$BATS_TEST_TMPDIR/last"
  [ "$output" = "zombies: no, adopted: yes" ]
}

@test "as PID 1: orphans, exit code, signals" {
  run -0 unshare --fork --pid --mount-proc "$TARE_BIN/tare-init" -- sh -c "$orphans" "$BATS_TEST_TMPDIR/last"
  [ "$output" = "zombies: no, adopted: yes" ]
  run -9 unshare --fork --pid --mount-proc "$TARE_BIN/tare-init" -- sh -c '[ $PPID = 1 ] && exit 9'
  # a PID 1 without handlers would not even feel this one
  run -143 unshare --fork --pid --mount-proc "$TARE_BIN/tare-init" -- sh -c 'kill -TERM 1; sleep 5'
}

@test "an ignored SIGCHLD does not lose the exit code" {
  run -5 timeout -s KILL 10 python3 -c '
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], [sys.argv[1], "--", "sh", "-c", "exit 5"])' "$TARE_BIN/tare-init"
}

@test "the command gets the signal mask that init was given" {
  run -0 init sh -c 'grep ^SigBlk /proc/self/status'
  [ "$output" = "$(grep ^SigBlk /proc/self/status)" ]
}

# started COMMAND-PRINTING-ready ARGS: runs init in the background, waits for "ready"; its pid is $pid
started() {
  rm -f "$BATS_TEST_TMPDIR/out"
  # a shell's background jobs ignore INT and QUIT, and bash cannot trap what it was told to ignore
  env --default-signal=INT,QUIT "$TARE_BIN/tare-init" "$@" >"$BATS_TEST_TMPDIR/out" 3>&- &
  pid=$!
  for _ in {1..250}; do grep -qs ready "$BATS_TEST_TMPDIR/out" && return; sleep 0.02; done
  return 1
}

teardown() {
  # a command that missed its signal would stay
  [ -z "${pid:-}" ] || kill -KILL -- "$pid" $(pgrep -P "$pid") 2>/dev/null || true
}

@test "every signal that can be caught reaches the command" {
  for sig in HUP INT QUIT USR1 USR2 ALRM TERM WINCH CONT TSTP PIPE RTMIN+3; do
    local rc=0
    started -- bash -c "trap 'exit 33' $sig; echo ready; while :; do sleep 0.02; done"
    kill -"$sig" "$pid"
    wait "$pid" || rc=$?
    [ "$rc" -eq 33 ] || { echo "$sig: $rc"; return 1; }
  done
}

@test "-g: the whole process group gets the signal" {
  local rc=0
  started -g -- bash -c '
    trap "wait; exit 8" TERM
    bash -c "trap \"echo inner; exit\" TERM; echo ready; while :; do sleep 0.02; done" &
    wait; wait'
  kill -TERM "$pid"
  wait "$pid" || rc=$?
  [ "$rc" -eq 8 ]
  grep -q inner "$BATS_TEST_TMPDIR/out"
}

@test "with a terminal the command is the foreground group, and Ctrl-C reaches it once" {
  run -0 script -qec "$TARE_BIN/tare-init -- sh -c 'set -- \$(sed \"s/.*) //\" /proc/\$\$/stat); [ \$3 = \$6 ] && echo foreground'" /dev/null
  [[ $output == foreground* ]]
  run -0 python3 - "$TARE_BIN/tare-init" <<'END'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "--", "bash", "-c",
             "n=0; trap 'n=$((n + 1))' INT; echo ready; for i in {1..20}; do sleep 0.02; done; echo got=$n"])
out = b""
while b"got=" not in out:
    try:
        out += os.read(fd, 1000)
    except OSError:
        break
    if b"ready" in out and b"^C" not in out:
        os.write(fd, b"\x03")
        out += b"^C"
os.waitpid(pid, 0)
sys.exit(0 if b"got=1" in out else out.decode())
END
}
