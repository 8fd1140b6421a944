#!/usr/bin/env bats
# Each life of a container is one, with one end, whoever is killed between two of them; and what its going leaves behind is found.
load ../lib/common
load ../lib/faults

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

deaths() { tare events --since 1h --until 0s --filter "container=$1" --filter event=die --format '{{.Action}}' | wc -l; }

# The row says "running" before anything is made for it. What is there of the last life, its exit code above all, is not this one's.
@test "a start that is killed is no life of its own with the end of the one before" {
  local calls n status lives=$BATS_TEST_TMPDIR/lives killed=0
  touch "$lives"
  tare run --name again --network none -v "$lives:/lives" busybox sh -c 'echo >>/lives; exit 7' || [ $? = 7 ]
  for calls in unlinkat mkdirat pwrite64 write; do
    status=137
    for ((n = 1; status == 137 && n < 40; n++)); do
      status=0
      killed_at "$calls" "$n" "$TARE_BIN/tare" start again >/dev/null 2>&1 3>&- || status=$?
      [ "$status" != 137 ] || killed=$((killed + 1))
      tare wait again >/dev/null
      [ "$(deaths again)" = "$(wc -l <"$lives")" ] || { echo "$calls $n: $(deaths again) ends of $(wc -l <"$lives") lives"; return 1; }
    done
  done
  echo "# $killed kills" >&3
  [ "$killed" -gt 10 ]
  tare rm again
}

# It finds no state.json: the next start has taken it away. The one it would write were taken for that start's, when who starts is killed as well.
@test "a worker that is killed at its very end, and the next start before it is one: the end is told once" {
  local worker tracer starter next
  tare run -d --name slow --network none busybox sh -c 'while [ ! -e /go ]; do sleep 0.1; done; exit 7' >/dev/null
  worker=$(half slow worker)
  strace -qq -o /dev/null -P "$TARE_STATE/" -e trace=open -e inject=open:delay_enter=30000000:when=1 -p "$worker" 3>&- & tracer=$! # until it is killed
  wait_until 10 grep -q '^TracerPid:.*[1-9]' "/proc/$worker/status"
  tare exec slow touch /go
  wait_until 10 is_state slow exited
  "$TARE_BIN/tare" start slow >/dev/null 2>&1 3>&- & starter=$!
  wait_until 10 pgrep -P "$starter" -x tare-monitor
  next=$(pgrep -P "$starter" -x tare-monitor)
  kill -9 "$starter" "$next" "$worker" "$tracer" # who would not let go of a dead one either, until the time is over
  wait
  wait_until 10 eval '! pgrep -f "^tare-monitor keeper $(tare inspect -f "{{.Id}}" slow)" >/dev/null'
  tare wait slow >/dev/null
  [ "$(deaths slow)" = 1 ]
  tare rm -f slow >/dev/null
}

# The write, the mark behind it, the taking out of the FIFO: whoever is killed in between leaves what the next one needs to know.
@test "a worker that is killed at each of its steps with a batch of lines: the log has each of them once" {
  local calls n worker
  for calls in read write splice; do
    for n in 1 2 3; do
      tare run -d --name steps --network none busybox \
        sh -c 'while [ ! -e /go ]; do sleep 0.1; done; i=0; while [ $i -lt 400 ]; do i=$((i + 1)); echo out $i; echo err $i >&2; done; exit 5' >/dev/null
      worker=$(half steps worker)
      strace -qq -o /dev/null -e trace=$calls -e inject="$calls:signal=KILL:when=$n" -p "$worker" 3>&- &
      wait_until 10 grep -q '^TracerPid:.*[1-9]' "/proc/$worker/status"
      tare exec steps touch /go
      [ "$(tare wait steps)" = 5 ]
      tare logs steps 2>"$BATS_TEST_TMPDIR/err" | sed 's/^out //' | cmp - <(seq 400) || { echo "killed at $calls $n"; return 1; }
      sed 's/^err //' "$BATS_TEST_TMPDIR/err" | cmp - <(seq 400) || { echo "killed at $calls $n, stderr"; return 1; }
      tare rm steps >/dev/null
    done
  done
}

@test "the mark of an address, whose container is gone and whose monitor was killed before it forgot its connections, goes with the next look" {
  mkdir -p "$TARE_STATE/stale"
  ln -s "$(printf '%064d' 7)" "$TARE_STATE/stale/10.210.0.77"
  tare run -d --name here --network none busybox sleep 1000 >/dev/null
  ln -s "$(tare inspect -f '{{.Id}}' here)" "$TARE_STATE/stale/10.210.0.78"
  tare ps >/dev/null
  [ ! -L "$TARE_STATE/stale/10.210.0.77" ]
  [ -L "$TARE_STATE/stale/10.210.0.78" ]
  tare rm -f here >/dev/null
  [ ! -e "$TARE_STATE/stale" ]
}

@test "a cgroup that was left when a start was settled, for its processes were still dying, goes with the container" {
  local d top=/sys/fs/cgroup/pids
  [ -d "$top" ] || top=/sys/fs/cgroup
  tare create --name left --network none busybox true >/dev/null
  d=$top/tare/$(tare inspect -f '{{.Id}}' left)
  mkdir -p "$d"
  tare rm left >/dev/null
  [ ! -d "$d" ] || { rmdir "$d"; return 1; }
}
