#!/usr/bin/env bats
# A container's end is told once, whoever is killed while it is told and recorded.
load ../lib/common
load ../lib/faults

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

# Lives of the container that are over by the catalog, and the ends that were told.
ends_are_told() { # NAME WHERE
  local row dies
  dies=$(tare events --since 1h --until 0s --filter "container=$1" --filter event=die --format '{{.Action}}' | wc -l)
  row=$(tare inspect -f '{{.State.Status}}' "$1" 2>/dev/null) || row=gone
  case "$row" in
    exited) [ "$dies" = 1 ] ;;
    *) [ "$dies" = 0 ] ;;
  esac || { echo "$2: the container is '$row', told of its end $dies times"; tare events --since 1h --until 0s --filter "container=$1"; return 1; }
}

# What is in the file more often than it is told.
repeated() { jq -r '.once // empty' <"$TARE_STATE/events" | sort | uniq -d | wc -l; }

@test "tare run is killed while it records the end: told once, by it or by who comes next" {
  local n=0 calls status=137
  for calls in pwrite64 write flock; do
    status=137
    for ((n = 1; status == 137 && n < 60; n++)); do
      status=0
      killed_at "$calls" "$n" "$TARE_BIN/tare" run --name "k$n$calls" --network none busybox true >/dev/null 2>&1 3>&- || status=$?
      wait_until 10 bash -c "! '$TARE_BIN/tare' ps -q --filter name=k$n$calls | grep -q ." # who comes next
      ends_are_told "k$n$calls" "$calls $n"
    done
    [ "$status" != 137 ]
  done
  # the instant between telling and recording was among them
  [ "$(repeated)" -gt 0 ]
}

# All of a life with --rm, or nothing; its monitor may be at work yet.
life_is_told() {
  tare ps >/dev/null
  case "$(tare events --since 1h --until 0s --filter "container=$1" --format '{{.Action}}' | paste -sd' ')" in
    "" | "create destroy" | "create attach start die destroy" | "create die destroy") ;;
    *) return 1 ;;
  esac
}

@test "the same with --rm: its end and its removal" {
  local n status=137
  for ((n = 1; status == 137 && n < 60; n++)); do
    status=0
    killed_at pwrite64 "$n" "$TARE_BIN/tare" run --rm --name "r$n" --network none busybox true >/dev/null 2>&1 3>&- || status=$?
    wait_until 10 bash -c "[ -z \"\$('$TARE_BIN/tare' ps -aq --filter name=r$n)\" ]"
    wait_until 10 life_is_told "r$n" || { tare events --since 1h --until 0s --filter "container=r$n" --format '{{.Action}}'; return 1; }
  done
  [ "$status" != 137 ]
}

@test "tare rm is killed: its removal is told when it is gone, once, by it or by who comes next" {
  local n status calls told
  for calls in pwrite64 write unlinkat renameat,renameat2,rename; do
    status=137
    for ((n = 1; status == 137 && n < 60; n++)); do
      tare create --name "gone$n" busybox true
      status=0
      killed_at "$calls" "$n" "$TARE_BIN/tare" rm "gone$n" >/dev/null 2>&1 3>&- || status=$?
      told=$(tare events --since 1h --until 0s --filter "container=gone$n" --filter event=destroy | wc -l)
      if tare inspect "gone$n" >/dev/null 2>&1; then
        [ "$told" = 0 ] || { echo "$calls $n: told of what is there"; return 1; }
        tare rm "gone$n"
      fi
      tare ps >/dev/null # who comes next
      told=$(tare events --since 1h --until 0s --filter "container=gone$n" --filter event=destroy | wc -l)
      [ "$told" = 1 ] || { echo "$calls $n: told $told times"; return 1; }
      [ -z "$(ls "$TARE_STATE/leaving")" ] || { ls "$TARE_STATE/leaving"; return 1; }
      # the next one of that name is another
      tare system prune -f >/dev/null
      rm -f "$TARE_STATE/events" "$TARE_STATE/events.1"
    done
    [ "$status" != 137 ]
  done
}

@test "a worker is killed when the cgroup that knew of it is gone: out of memory is told all the same" {
  local n worker
  for n in 2 7 11; do
    tare run -d --name "o$n" --network none -m 20m busybox sh -c 'while [ ! -e /go ]; do sleep 0.1; done; head -c 200m /dev/zero | tail >/dev/null; exit 3'
    worker=$(jq -r .worker "$TARE_STATE/$(tare inspect -f '{{.Id}}' "o$n")/state.json")
    strace -f -qq -o /dev/null -e trace=rmdir,unlinkat -e inject=rmdir,unlinkat:signal=KILL:when="$n" -p "$worker" 3>&- &
    wait_until 10 grep -q "^TracerPid:.*[1-9]" "/proc/$worker/status"
    tare exec "o$n" touch /go
    tare wait "o$n" >/dev/null
    [ "$(tare inspect -f '{{.State.OOMKilled}}' "o$n")" = true ] || { echo "killed at $n"; return 1; }
    [ "$(tare events --since 1h --until 0s --filter "container=o$n" --format '{{.Action}}' | grep -c '^oom$\|^die$')" = 2 ]
    tare rm "o$n"
  done
}

@test "both halves of a monitor are killed: who comes next tells the end, once" {
  local id pid
  tare run -d --name both --network none busybox sleep 100
  id=$(tare inspect -f '{{.Id}}' both)
  pid=$(tare inspect -f '{{.State.Pid}}' both)
  kill -9 $(jq -r '.keeper, .worker' "$TARE_STATE/$id/state.json") "$pid"
  wait_until 10 bash -c "[ \"\$('$TARE_BIN/tare' inspect -f '{{.State.Status}}' both)\" = exited ]"
  tare ps -a >/dev/null
  ends_are_told both "killed"
  tare rm both
  [ "$(tare events --since 1h --until 0s --filter container=both --format '{{.Action}}' | paste -sd' ')" = "create start die destroy" ]
}
