#!/usr/bin/env bats
# Commands that are killed, and two of us at once. What is half done has a name: the next command understands it.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() {
  find /sys/fs/cgroup -maxdepth 2 -type d -name "tare-test-$$" -exec rmdir {} + 2>/dev/null || true
  tare_teardown_file
}

# Kills a `tare` command after each of some delays, chosen by a printed seed (all of them under make test-long).
delays() {
  local seed=${TARE_TEST_SEED:-$RANDOM} i
  echo "# seed $seed" >&3
  RANDOM=$seed
  if [ -n "${TARE_TEST_LONG:-}" ]; then seq 0 0.0005 0.03; else for i in 1 2 3 4 5 6 7 8; do printf '0.%05d\n' $((RANDOM % 2500)); done; fi
}

kill_after() { # DELAY COMMAND...: SIGKILLs the command's own process, not its children
  local delay=$1 pid; shift
  "$@" >/dev/null 2>&1 3>&- &
  pid=$!
  sleep "$delay"
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

@test "tare run -d killed at any moment: the name can be used again, nothing is left" {
  for d in $(delays); do
    kill_after "$d" "$TARE_BIN/tare" run -d --name victim busybox sleep 1000
    run tare ps -a
    [ "$status" -eq 0 ]
    tare rm -f victim >/dev/null 2>&1 || true
    tare run -d --name victim busybox sleep 1000
    is_state victim running
    tare rm -f victim
  done
}

@test "tare run --rm killed at any moment: the container ends or goes on, and can be removed" {
  for d in $(delays); do
    kill_after "$d" "$TARE_BIN/tare" run --rm --name victim busybox sleep 0.2
    tare ps -a >/dev/null
    wait_until 5 bash -c "! '$TARE_BIN/tare' inspect victim >/dev/null 2>&1 || '$TARE_BIN/tare' rm -f victim >/dev/null 2>&1"
  done
}

@test "tare stop and tare rm -f killed at any moment" {
  for d in $(delays); do
    tare run -d --name victim busybox sleep 1000 >/dev/null
    kill_after "$d" "$TARE_BIN/tare" stop -t 1 victim
    kill_after "$d" "$TARE_BIN/tare" rm -f victim
    tare rm -f victim >/dev/null 2>&1 || true
    run tare inspect victim
    [ "$status" -ne 0 ]
  done
}

@test "tare exec killed: the container goes on, the process inside is not lost track of" {
  tare run -d --name host busybox sleep 1000
  for d in $(delays); do kill_after "$d" "$TARE_BIN/tare" exec host sleep 0.1; done
  is_state host running
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' exec host sh -c 'ls -d /proc/[0-9]* | wc -l') -le 4 ]"
  tare rm -f host
}

# The monitor of an exec lets a child of its own move it to the monitors' cgroup. When it was gone by then, the child had
# moved its new parent: PID 1, or here the reaper of the suite.
@test "tare exec that is over at once or killed moves nobody else into our cgroups" {
  local before client
  before=$(ancestors_cgroups)
  tare run -d --name host busybox sleep 1000
  for _ in $(seq 20); do
    tare exec host true
    "$TARE_BIN/tare" exec host sleep 1000 >/dev/null 2>&1 3>&- & client=$!
    until pkill -KILL -P "$client"; do kill -0 "$client"; done
    wait "$client" || true
  done
  tare rm -f host
  diff <(echo "$before") <(ancestors_cgroups)
}

runs() { [ "$(live "$1" status 2>/dev/null)" = running ]; }

@test "a container outlives everything in its starter's cgroup" {
  local cg=/sys/fs/cgroup/pids/tare-test-$$
  [ -d /sys/fs/cgroup/pids ] || cg=/sys/fs/cgroup/tare-test-$$
  mkdir -p "$cg"
  bash -c "echo \$\$ >$cg/cgroup.procs; '$TARE_BIN/tare' run -d --name survivor busybox sleep 1000 >/dev/null; sleep 1000" 3>&- &
  # the catalog says "running" while it is being started; its own state says when it runs
  wait_until 10 runs survivor
  while read -r p; do kill -9 "$p"; done <"$cg/cgroup.procs"
  wait $! 2>/dev/null || true
  wait_until 5 rmdir "$cg"
  is_state survivor running
  [ "$(tare exec survivor echo alive)" = alive ]
  tare rm -f survivor
}

# `run` in the foreground settles the end of its container itself. When it can't, the monitor does.
@test "run --rm stopped or killed when its container ends: it is removed all the same" {
  local client folder
  for how in STOP KILL; do
    "$TARE_BIN/tare" run --rm --name left busybox sleep 1000 3>&- & client=$!
    wait_until 10 runs left
    folder=$TARE_ROOT/containers/$(tare inspect left | jq -r '.[0].Id')
    [ -d "$folder" ]
    kill -STOP "$client"
    kill -9 "$(live left pid)"
    [ $how = STOP ] || kill -KILL "$client"
    wait_until 5 bash -c "! '$TARE_BIN/tare' inspect left >/dev/null 2>&1"
    wait_until 5 [ ! -e "$folder" ] # the row goes first
    kill -CONT "$client" 2>/dev/null || true
    status=0
    wait "$client" || status=$?
    [ "$status" -eq 137 ]
  done
}

late_monitor() { pgrep -f "^$TARE_BIN/tare-monitor run"; }

# Its starter is killed; it has opened the state folder, and opens the lock only when `ps` has removed that and all but the folder.
@test "a monitor that is late starts nothing when its container is being removed" {
  local bin=$BATS_TEST_TMPDIR/bin id pid p
  mkdir "$bin"; cp "$TARE_BIN/tare" "$bin"
  for p in "$TARE_BIN"/tare-*; do ln -s "$p" "$bin"; done
  rm "$bin/tare-monitor"
  cat >"$bin/tare-monitor" <<X
#!/bin/sh
exec strace -D -qq -o /dev/null -P lock -e trace=openat -e inject=openat:delay_enter=2500000:when=1 $TARE_BIN/tare-monitor "\$@"
X
  chmod +x "$bin/tare-monitor"
  "$bin/tare" run --rm -d busybox sleep 1000 >/dev/null 2>&1 3>&- & pid=$!
  wait_until 10 late_monitor
  sleep 0.5
  kill -9 "$pid"; wait "$pid" || true
  id=$(ls "$TARE_ROOT/containers")
  strace -qq -o /dev/null -P "$id" -e trace=unlinkat -e inject=unlinkat:delay_enter=5000000:when=3 "$TARE_BIN/tare" ps >/dev/null
  wait_until 10 eval '! late_monitor'
  run find /sys/fs/cgroup -type d -path "*/tare/$id*"
  [ -z "$output" ] || { echo "$output"; xargs -r kill -9 <"${lines[0]}/cgroup.procs"; return 1; }
  [ ! -e "$TARE_STATE/$id" ] && [ ! -e "$TARE_ROOT/containers/$id" ]
}

# A removal that was killed may have come as far as the lock file. The next `ps` clears it away, unless it is one that is
# just being made: its maker holds the folder of all of them.
@test "a container's folder without row and lock is removed at once, but not under its maker's hands" {
  local orphan
  orphan=$TARE_ROOT/containers/$(printf '%064d' 7)
  mkdir -p "$orphan/upper/etc"
  flock -s "$TARE_ROOT/containers" "$TARE_BIN/tare" ps >/dev/null
  [ -d "$orphan" ]
  tare ps >/dev/null
  [ ! -e "$orphan" ]
}

@test "two removes at once: one removes, the other says so or finds nothing" {
  for _ in 1 2 3 4 5; do
    tare run -d --name twice busybox sleep 1000 >/dev/null
    tare rm -f twice >/dev/null 2>&1 3>&- & a=$!
    tare rm -f twice >/dev/null 2>&1 3>&- & b=$!
    wait "$a" || true
    wait "$b" || true
    run tare inspect twice
    [ "$status" -ne 0 ]
  done
}

@test "start and remove at once leave a running container or none" {
  for _ in 1 2 3 4 5; do
    tare create --name race busybox sleep 1000 >/dev/null
    tare start race >/dev/null 2>&1 3>&- & a=$!
    tare rm -f race >/dev/null 2>&1 3>&- & b=$!
    wait "$a" || true
    wait "$b" || true
    tare rm -f race >/dev/null 2>&1 || true
    run tare inspect race
    [ "$status" -ne 0 ]
  done
}

@test "twenty containers started at one instant all run, each with its own ids" {
  local pids=() i
  for i in $(seq 20); do tare run -d --name "many$i" busybox sleep 1000 >/dev/null 3>&- & pids+=($!); done
  for i in "${pids[@]}"; do wait "$i"; done
  [ "$(tare ps -q | wc -l)" -eq 20 ]
  for i in $(seq 20); do awk '{ print $2; exit }' "/proc/$(live "many$i" pid)/uid_map"; done | sort -u | wc -l | grep -qx 20
  tare rm -f $(tare ps -q) >/dev/null
}

@test "a name is given once when two ask for it" {
  tare run -d --name one busybox sleep 1000 >/dev/null 2>&1 3>&- & a=$!
  tare run -d --name one busybox sleep 1000 >/dev/null 2>&1 3>&- & b=$!
  ra=0; wait "$a" || ra=$?
  rb=0; wait "$b" || rb=$?
  [ $((ra == 0)) -ne $((rb == 0)) ]
  [ "$(tare ps -aq | wc -l)" -eq 1 ]
  tare rm -f one
}

@test "an image in use is not removed, with a line that says by whom" {
  tare create --name user busybox true
  run tare rmi busybox
  [ "$status" -ne 0 ]
  [[ "$output" == *user* ]]
  tare rm user
}

waits_no_more() { ! pgrep -f "^tare-monitor rest .*$id" >/dev/null; }

# Whatever is killed between an end and the next start, the next command brings it up again, once.
@test "a container with a restart policy, whose waiter, monitors or next start are killed at any moment" {
  local id p
  tare run -d --name ever --restart always busybox sleep 1000 >/dev/null
  id=$(tare inspect ever | jq -r '.[0].Id')
  for d in $(delays); do
    wait_until 20 is_state ever running
    wait_until 5 half_named ever worker
    kill -9 "$(live ever pid)" 2>/dev/null || true
    sleep "$d"
    for p in $(pgrep -f "^tare-monitor (rest .*|keeper |worker )$id" || true) $(pgrep -f "internal (exited|restart) $id" || true); do
      kill -9 "$p" 2>/dev/null || true
    done
    wait_until 30 is_state ever running
    wait_until 5 waits_no_more # his file went before the start: he notices, and ends
  done
  tare rm -f ever
}

# resting NAME: it waits for its restart, for a long time, and nobody waits for it. Sets id.
resting() {
  tare run -d --name "$1" --restart always --network none busybox false >/dev/null
  wait_until 20 eval "[ \"\$(tare inspect -f '{{.RestartCount}}' $1)\" -ge 5 ]"
  wait_until 10 is_state "$1" restarting
  id=$(tare inspect -f '{{.Id}}' "$1")
  pkill -KILL -f "^tare-monitor rest .* $id\$"
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE containers SET restart_due = restart_due + 100000000000, restart_wait = 100000000000 WHERE name = '$1'"
  rm -f "$TARE_STATE/$id/rest"
}
waiters() { pgrep -fc "^tare-monitor rest .* $id\$"; }

# Who looks whether somebody waits has his lock for a moment: here between the making of the file and its being locked.
@test "a command that looks keeps nobody from waiting for a restart" {
  local id pid
  resting looked
  strace -qq -o /dev/null -P "$id/rest" -e trace=openat -e inject=openat:delay_exit=1000000 "$TARE_BIN/tare" ps >/dev/null 3>&- & pid=$!
  wait_until 10 test -e "$TARE_STATE/$id/rest"
  flock -s "$TARE_STATE/$id/rest" sleep 2
  wait "$pid"
  [ "$(waiters)" = 1 ]
  tare rm -f looked
}

@test "where nobody can be made to wait for a restart: a warning, and stop and rm go on" {
  local id
  resting stuck
  mkdir "$TARE_STATE/$id/rest"
  run -0 tare ps
  [[ "$output" == *"stuck is not restarted yet"* ]]
  run -0 tare stop stuck
  is_state stuck exited
  tare rm stuck
}

# The command sees no monitor; when it has started another, the worker has noticed that it is alone and taken the lock.
@test "a keeper is killed: who comes between it and its worker lets the worker go on" {
  local worker pid
  tare run -d --name taken busybox sleep 1000 >/dev/null
  worker=$(half taken worker)
  kill -STOP "$worker"
  kill -9 "$(half taken keeper)"
  strace -qq -o /dev/null -e trace=memfd_create -e inject=memfd_create:delay_enter=1500000:when=1 \
    "$TARE_BIN/tare" exec taken true >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- & pid=$!
  sleep 0.7
  kill -CONT "$worker"
  wait "$pid" || { cat "$BATS_TEST_TMPDIR/said"; return 1; }
  [ "$(live taken worker)" = "$worker" ]
  tare rm -f taken
}

# A row that says so, and a folder that was still on its way to the disk when the power failed: its next start would take it for half made.
@test "what is to be there after a power failure has its config.json on the disk, too" {
  local trace=$BATS_TEST_TMPDIR/trace
  synced() { strace -qq -y -e trace=fsync -o "$trace" "$TARE_BIN/tare" "$@" >/dev/null 3>&- && grep -q 'config\.json' "$trace"; }
  synced create --name one --network none busybox true
  synced run -d --name two --restart always --network none busybox sleep 1000
  run -1 synced run -d --name three --network none busybox sleep 1000 # what ends with the machine waits for no disk
  tare rm -f one two three
}

# A worker that was killed at the end has a successor, which has the end reported once more: by then the next start may be under way.
@test "an end that is reported late does not wait for the next start, which waits for who reports it" {
  local id holder starter
  tare run --name twice --network none busybox true
  id=$(tare inspect -f '{{.Id}}' twice)
  python3 -c 'import fcntl, sys, time; f = open(sys.argv[1], "r+"); fcntl.lockf(f, fcntl.LOCK_EX); open(sys.argv[2], "w"); time.sleep(60)' \
    "$TARE_STATE/$id/lock" "$BATS_TEST_TMPDIR/held" 3>&- & holder=$!
  wait_until 10 test -e "$BATS_TEST_TMPDIR/held"
  "$TARE_BIN/tare" start twice >/dev/null 3>&- & starter=$!
  wait_until 10 test ! -e "$TARE_STATE/$id/state.json"
  run timeout 8 "$TARE_BIN/tare" internal exited "$id"
  kill "$holder"; wait "$starter"
  [ "$status" = 0 ]
  tare wait twice
  tare rm twice
}
