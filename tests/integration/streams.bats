#!/usr/bin/env bats
# Output and signals between a container and whoever stays with it.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

# Three megabytes in long lines, so that the log is not the slow part; then a mark.
TALK='awk "BEGIN { s = sprintf(\"%1000s\", \"\"); gsub(\" \", \"x\", s); while (i++ < 3000) print s }"; echo end'
BYTES=3003004

@test "run: a reader that is slow gets everything" {
  got=$(tare run --rm --log-driver none busybox sh -c "$TALK" | { sleep 2; wc -c; })
  [ "$got" -eq $BYTES ]
}

@test "exec: a reader that is slow gets everything, and the exit code is right" {
  tare run -d --name slow busybox sleep 1000
  set -o pipefail
  got=$(tare exec slow sh -c "$TALK" | { sleep 2; wc -c; })
  [ "$got" -eq $BYTES ]
  run -7 bash -c "'$TARE_BIN/tare' exec slow sh -c 'head -c 500000 /dev/zero; exit 7' | { sleep 1; cat >/dev/null; }; exit \${PIPESTATUS[0]}"
  tare rm -f slow
}

@test "attach: a reader that is slow gets everything" {
  tare run -d -i --name wait busybox sh -c "read line; $TALK"
  got=$( { sleep 0.5; echo go; sleep 6; } | tare attach wait | { sleep 2; wc -c; })
  [ "$got" -eq $BYTES ]
  tare rm -f wait
}

@test "a slow reader of stdout does not lose what comes on stderr" {
  { tare run --rm busybox sh -c "$TALK; echo last >&2" 2>"$BATS_TEST_TMPDIR/err"; } | { sleep 1; cat >/dev/null; }
  [ "$(cat "$BATS_TEST_TMPDIR/err")" = last ]
}

# ends_by SIGNAL READY COMMAND...: sends the signal once it is READY (a command in one word); the exit status as a shell sees it
ends_by() {
  local sig=$1 ready=$2 pid; shift 2
  "$@" >/dev/null 2>&1 3>&- &
  pid=$!
  wait_until 10 eval "$ready"
  kill -"$sig" "$pid"
  wait "$pid"
}

@test "exec ends by the signal it gets; what it started goes on" {
  tare run -d --name sig busybox sleep 1000
  run ends_by TERM 'tare exec sig ps | grep -q "sleep 500"' "$TARE_BIN/tare" exec sig sleep 500
  [ "$status" -eq 143 ]
  tare exec sig ps | grep -q 'sleep 500'
  tare rm -f sig
}

@test "run --sig-proxy=false and attach --sig-proxy=false end by the signal" {
  run ends_by TERM 'is_state noproxy running && tare exec noproxy true' "$TARE_BIN/tare" run --name noproxy --sig-proxy=false busybox sleep 500
  [ "$status" -eq 143 ]
  is_state noproxy running
  run ends_by HUP 'sleep 0.7' "$TARE_BIN/tare" attach --sig-proxy=false noproxy
  [ "$status" -eq 129 ]
  is_state noproxy running
  tare rm -f noproxy
}

@test "an attach whose monitor is stopped still ends by a signal" {
  tare run -d --name frozen busybox sleep 500
  kill -STOP "$(live frozen worker)" "$(live frozen keeper)"
  run ends_by TERM 'sleep 0.7' "$TARE_BIN/tare" attach --sig-proxy=false frozen
  kill -CONT "$(live frozen worker)" "$(live frozen keeper)"
  [ "$status" -eq 143 ]
  tare rm -f frozen
}

@test "hundreds of exec leave nothing: files, handles, processes, cgroups, memory" {
  local many=${TARE_TEST_LONG:+3000} before after i
  tare run -d --name many --network none busybox sleep 1000
  what_it_costs() {
    local k w cg
    read -r k w < <(jq -r '"\(.keeper) \(.worker)"' "$TARE_STATE/$(live_id many)/state.json")
    cg=$(tare inspect -f '{{.Cgroup}}' many)
    echo "handles $(find "/proc/$k/fd" "/proc/$w/fd" -mindepth 1 | wc -l), files $(find "$TARE_STATE/$(live_id many)" "$TARE_ROOT/containers/$(live_id many)" | wc -l)," \
      "cgroups $(find /sys/fs/cgroup -type d -path "*$cg*" | wc -l), processes $(tare top many -o pid | wc -l)"
  }
  private() { awk '/^Private/ { n += $2 } END { print n }' "/proc/$(jq -r .worker "$TARE_STATE/$(live_id many)/state.json")/smaps_rollup"; }
  live_id() { tare inspect -f '{{.Id}}' "$1"; }
  for _ in 1 2 3; do tare exec many true; tare exec -d many true; done
  wait_until 10 no_exec_files
  before=$(what_it_costs); memory=$(private)
  for ((i = 0; i < ${many:-150}; i += 3)); do
    tare exec many true
    tare exec -d many true
    echo x | tare exec -i many cat >/dev/null
  done
  wait_until 20 no_exec_files
  wait_until 10 eval '[ "$(what_it_costs)" = "$before" ]' || { echo "before: $before"; echo "after: $(what_it_costs)"; return 1; }
  [ "$(private)" -le $((memory + 64)) ]
  tare rm -f many
}

@test "exec leaves no file behind" {
  tare run -d --name tidy busybox sleep 1000
  for _ in 1 2 3 4 5; do tare exec tidy true; done
  wait_until 5 no_exec_files tidy
  tare rm -f tidy
}
no_exec_files() { [ -z "$(find "$TARE_STATE" -path '*/exec/*.json')" ]; }

@test "restart of a container with --rm starts it again; its end still removes it" {
  tare run -d --rm --name again busybox sleep 1000
  first=$(live again pid)
  tare restart -t 0 again
  is_state again running
  [ "$(live again pid)" != "$first" ]
  tare stop -t 0 again
  run -1 tare inspect again
}

@test "host ids that somebody named are not given to others" {
  tare run -d --name auto busybox sleep 1000
  base=$(tare exec auto awk '{ print $2 }' /proc/self/uid_map)
  for n in named twin; do tare run -d --name $n --userns=range:$((base + 65536)) busybox sleep 1000; done
  tare run -d --name next busybox sleep 1000
  other=$(tare exec next awk '{ print $2 }' /proc/self/uid_map)
  [ "$other" -ge $((base + 131072)) ] || [ $((other + 65536)) -le "$base" ]
  tare rm -f auto named twin next
}
