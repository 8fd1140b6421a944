#!/usr/bin/env bats
# Loading under fire: tare and the worker killed at every step, a full disk, two loads at once, gc beside a load. After
# each the store holds whole things only, and the next load works.

load ../lib/common
load ../lib/images
load ../lib/faults

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS A=$BATS_FILE_TMPDIR/a.tar BIG=$BATS_FILE_TMPDIR/big.tar
  python3 "$TARE_TESTS/lib/layers.py" whiteouts "$BATS_FILE_TMPDIR/lower.tar" "$BATS_FILE_TMPDIR/upper.tar"
  docker_archive "$A" small:1 "$BATS_FILE_TMPDIR/lower.tar" "$BATS_FILE_TMPDIR/upper.tar"
  # a layer that takes a while: 40 MB of files that do not pack
  mkdir "$BATS_FILE_TMPDIR/big"
  for i in $(seq 200); do head -c 200000 /dev/urandom >"$BATS_FILE_TMPDIR/big/$i"; done
  tar -cf "$BATS_FILE_TMPDIR/big.l" -C "$BATS_FILE_TMPDIR/big" .
  docker_archive "$BIG" big:1 "$BATS_FILE_TMPDIR/big.l"
  rm -rf "$BATS_FILE_TMPDIR/big"
}

setup() { R=$BATS_TEST_TMPDIR/root; mkdir "$R"; }
teardown() { ! mountpoint -q "$BATS_TEST_TMPDIR/full" || umount "$BATS_TEST_TMPDIR/full"; }

# The next load succeeds, gives the same image, and leaves no abandoned ingest.
recovers() {
  local id
  id=$(image_store "$1" load "$2" | jq -r .id) || return 1
  [ "$id" = "$3" ] || { echo "recovered to $id"; return 1; }
  [ "$(find "$1/ingest" -mindepth 1 -type d | wc -l)" = 0 ] || { echo "abandoned ingest stays"; return 1; }
  store_is_whole "$1"
}

@test "tare killed at each of its steps" {
  local id calls n rc kills=0
  id=$(image_store "$BATS_TEST_TMPDIR/ref" load "$A" | jq -r .id)
  for calls in mkdirat renameat,renameat2 syncfs,fsync flock openat,openat2 unlinkat,fsetxattr read,write; do
    for n in $(seq 1 200); do
      # the long slices in big steps, unless everything is asked for
      [ -n "${TARE_TEST_LONG:-}" ] || [ "$n" -le 6 ] || [ $((n % 7)) = 0 ] || continue
      rm -rf "$R"; mkdir "$R"
      killed_at "$calls" "$n" "$TARE_BUILD/tests/image/image-store" "$TARE_BIN/tare-worker" "$R" load "$A" >/dev/null 2>&1 && rc=0 || rc=$?
      store_is_whole "$R" || { echo "after $calls #$n"; return 1; }
      recovers "$R" "$A" "$id" || { echo "after $calls #$n"; return 1; }
      [ "$rc" != 0 ] || break
      kills=$((kills + 1))
    done
    [ "$rc" = 0 ] || [ -z "${TARE_TEST_LONG:-}" ]
  done
  [ "$kills" -gt 30 ]
}

@test "the worker killed at each of its steps: an error that says so, and nothing stays" {
  local id calls n rc out kills=0
  id=$(image_store "$BATS_TEST_TMPDIR/ref" load "$A" | jq -r .id)
  for calls in open_tree mkdirat mknodat linkat,symlinkat pwrite64 write clone,clone3 chroot; do
    for n in 1 2 3 5 9 17; do
      rm -rf "$R"; mkdir "$R"
      printf '#!/bin/sh\nexec /usr/bin/strace -f -qq -o /dev/null -e trace=%s -e inject=%s:signal=KILL:when=%s %s "$@"\n' \
        "$calls" "$calls" "$n" "$TARE_BIN/tare-worker" >"$BATS_TEST_TMPDIR/worker"
      chmod +x "$BATS_TEST_TMPDIR/worker"
      out=$("$TARE_BUILD/tests/image/image-store" "$BATS_TEST_TMPDIR/worker" "$R" load "$A" 2>&1) && rc=0 || rc=$?
      [ "$rc" != 0 ] || break
      [ "$rc" = 125 ] || { echo "$calls #$n: $rc $out"; return 1; }
      [[ $out == *"tare-worker was killed by signal 9"* ]] || { echo "$calls #$n: $out"; return 1; }
      [ -z "$(store_things "$R")" ] || { echo "$calls #$n:"; store_things "$R"; return 1; }
      kills=$((kills + 1))
    done
    recovers "$R" "$A" "$id"
  done
  [ "$kills" -gt 15 ]
}

@test "SIGKILL of tare in the middle of unpacking takes the worker along" {
  local pid worker
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  "$TARE_BUILD/tests/image/image-store" "$TARE_BIN/tare-worker" "$R" load - <"$BATS_TEST_TMPDIR/fifo" >/dev/null 2>&1 3>&- &
  pid=$!
  exec 9>"$BATS_TEST_TMPDIR/fifo"
  head -c 20000000 "$BIG" >&9
  worker=$(pgrep -P "$pid")
  kill -9 "$pid"; wait "$pid" || true
  wait_until 5 eval "! kill -0 $worker 2>/dev/null || [ \"\$(cut -d' ' -f3 /proc/$worker/stat)\" = Z ]"
  exec 9>&-
  [ "$(find "$R/ingest" -mindepth 1 -maxdepth 1 -type d | wc -l)" = 1 ]
  recovers "$R" "$BIG" "$(image_store "$BATS_TEST_TMPDIR/ref" load "$BIG" | jq -r .id)"
}

@test "a full disk: one clear line, and what was written is gone" {
  local size free
  mkdir "$BATS_TEST_TMPDIR/full"
  for size in 200k 1m 20m 60m; do
    mount -t tmpfs -o size=$size tmpfs "$BATS_TEST_TMPDIR/full"
    run image_store "$BATS_TEST_TMPDIR/full" load "$BIG"
    [ "$status" = 125 ]
    [ "${#lines[@]}" = 1 ]
    [[ $output == *"file system is full"* || $output == *"No space left"* ]]
    [ -z "$(store_things "$BATS_TEST_TMPDIR/full")" ]
    # from a pipe it is the spool that runs out
    run bash -c "cat '$BIG' | '$TARE_BUILD/tests/image/image-store' '$TARE_BIN/tare-worker' '$BATS_TEST_TMPDIR/full' load -"
    [ "$status" = 125 ]
    [[ $output == *"file system is full"* || $output == *"No space left"* ]]
    [ -z "$(store_things "$BATS_TEST_TMPDIR/full")" ]
    umount "$BATS_TEST_TMPDIR/full"
  done
}

@test "two loads of one image at once, and gc beside them" {
  local i pids=()
  for i in 1 2 3; do
    image_store "$R" load "$BIG" >"$BATS_TEST_TMPDIR/out.$i" 2>"$BATS_TEST_TMPDIR/err.$i" 3>&- &
    pids+=($!)
  done
  # a store that is being loaded into is not collected
  while kill -0 "${pids[0]}" 2>/dev/null; do image_store "$R" gc >>"$BATS_TEST_TMPDIR/gc"; done
  for i in "${pids[@]}"; do wait "$i"; done
  cat "$BATS_TEST_TMPDIR"/err.*
  [ "$(cat "$BATS_TEST_TMPDIR"/out.* | jq -r .id | sort -u | wc -l)" = 1 ]
  store_is_whole "$R"
  [ "$(find "$R/ingest" -mindepth 1 -type d | wc -l)" = 0 ]
}

@test "nothing of a load is collected before its caller has written it down" {
  local pid
  "$TARE_BUILD/tests/image/image-store" "$TARE_BIN/tare-worker" "$R" load "$A" --pause "$BATS_TEST_TMPDIR/mark" >/dev/null 3>&- &
  pid=$!
  wait_until 10 test -e "$BATS_TEST_TMPDIR/mark"
  [ "$(image_store "$R" gc | jq -r .busy)" = true ]
  [ "$(ls "$R/layers" | wc -l)" = 2 ]
  kill -9 "$pid"; wait "$pid" || true
  [ "$(image_store "$R" gc | jq -c '[.busy, .layers, .blobs, .ingests]')" = '[false,2,4,1]' ]
  [ -z "$(store_things "$R")" ]
}
