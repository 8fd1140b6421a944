#!/usr/bin/env bats
# Each hostile or damaged archive of tests/lib/hostile.py: one line that says what and where, exit code 125, nothing left
# in the store, nothing touched outside.

load ../lib/common
load ../lib/images

setup_file() { tare_setup_file; }
teardown_file() { rm -f /tmp/tare-canary; }
setup() { echo canary >/tmp/tare-canary; TMP_WAS=$(stat -c %u:%g:%a /tmp); }

refused() { # NAME PATTERN ARCHIVE
  local out rc root=$BATS_TEST_TMPDIR/root
  rm -rf "$root"
  out=$(image_store "$root" load "$3" 2>&1) && rc=0 || rc=$?
  if [ "$2" = ok ]; then
    [ "$rc" = 0 ] || { echo "$1: must load, got $rc: $out"; return 1; }
  else
    [ "$rc" = 125 ] || { echo "$1: exit code $rc: $out"; return 1; }
    [ "$(wc -l <<<"$out")" = 1 ] || { echo "$1: not one line: $out"; return 1; }
    grep -qE -- "$2" <<<"$out" || { echo "$1: '$out' does not match '$2'"; return 1; }
    [ -z "$(store_things "$root")" ] || { echo "$1: left behind:"; store_things "$root"; return 1; }
  fi
  [ "$(cat /tmp/tare-canary)" = canary ] || { echo "$1: wrote outside the layer"; return 1; }
  [ ! -e /tmp/new ] && [ ! -e /tmp/null ] || { echo "$1: made something outside the layer"; return 1; }
  [ "$(stat -c %u:%g:%a /tmp)" = "$TMP_WAS" ] || { echo "$1: changed /tmp"; return 1; }
}

section() {
  local name want failed=0 n=0
  while IFS=$'\t' read -r name want; do
    python3 "$BATS_TEST_DIRNAME/../lib/hostile.py" "$name" "$BATS_TEST_TMPDIR/a.tar"
    refused "$name" "$want" "$BATS_TEST_TMPDIR/a.tar" || failed=1
    n=$((n + 1))
  done < <(python3 "$BATS_TEST_DIRNAME/../lib/hostile.py" --list "$1")
  [ "$n" -gt 5 ] && [ "$failed" = 0 ]
}

@test "names and links that lead outside" { section links; }
@test "bombs and things too large" { section sizes; }
@test "damaged and incomplete archives" { section damage; }
@test "documents nobody should believe" { section documents; }

@test "the same from a pipe: the archive is spooled, and nothing of it stays" {
  local root=$BATS_TEST_TMPDIR/root name
  for name in dotdot_name through_absolute_link wrong_diff_id truncated_archive duplicate_key; do
    python3 "$BATS_TEST_DIRNAME/../lib/hostile.py" "$name" "$BATS_TEST_TMPDIR/a.tar"
    mkdir -p "$root"
    run bash -c "cat '$BATS_TEST_TMPDIR/a.tar' | '$TARE_BUILD/tests/image/image-store' '$TARE_BIN/tare-worker' '$root' load -"
    [ "$status" = 125 ]
    [[ $output == *"standard input: "* ]]
    [ -z "$(store_things "$root")" ]
  done
}

@test "limits can be raised, and lowered" {
  local root=$BATS_TEST_TMPDIR/root
  python3 "$BATS_TEST_DIRNAME/../lib/hostile.py" device_bomb "$BATS_TEST_TMPDIR/a.tar"
  image_store "$root" load "$BATS_TEST_TMPDIR/a.tar" --limit devices=2000
  python3 "$BATS_TEST_DIRNAME/../lib/hostile.py" deep_path "$BATS_TEST_TMPDIR/a.tar"
  image_store "$root" load "$BATS_TEST_TMPDIR/a.tar" --limit depth=300
  run image_store "$root/2" load "$(busybox_archive)" --limit entries=10
  [ "$status" = 125 ]
  [[ $output == *"more than 10 entries (limit 'entries')"* ]]
  run image_store "$root/2" load "$(busybox_archive)" --limit unpacked=1m
  [[ $output == *"more than 1048576 bytes (limit 'unpacked')"* ]]
  run image_store "$root/2" load "$(busybox_archive)" --limit speed=1
  [[ $output == *"limit 'speed=1': there is none of that name"* ]]
}

@test "attributes that steer the kernel are dropped, others kept" {
  local root=$BATS_TEST_TMPDIR/root src=$BATS_TEST_TMPDIR/src fs
  mkdir -p "$src/d"; echo x >"$src/f"
  set_xattr "$src/f" user.keep yes
  set_xattr "$src/d" user.overlay.opaque y
  set_xattr "$src/d" trusted.overlay.opaque y
  set_xattr "$src/f" trusted.other y
  tar --xattrs --xattrs-include='*' -cf "$BATS_TEST_TMPDIR/l.tar" -C "$src" .
  image_store "$root" import "$BATS_TEST_TMPDIR/l.tar"
  fs=$(echo "$root"/layers/*/fs)
  [ "$(xattrs "$fs" | sed "s|$fs||")" = "/f user.keep 796573" ]
}

@test "the worker's sandbox: capabilities, system calls, root folder, handles" {
  local root=$BATS_TEST_TMPDIR/root pid worker status
  mkdir "$root"; mkfifo "$BATS_TEST_TMPDIR/fifo"
  "$TARE_BUILD/tests/image/image-store" "$TARE_BIN/tare-worker" "$root" load - <"$BATS_TEST_TMPDIR/fifo" >/dev/null 2>&1 3>&- &
  pid=$!
  exec 9>"$BATS_TEST_TMPDIR/fifo"
  head -c 300000 "$(busybox_archive)" >&9
  wait_until 10 eval "ls $root/ingest/*/spool/m-* >/dev/null 2>&1"
  worker=$(pgrep -P "$pid"); status=$(cat "/proc/$worker/status")
  # CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP
  for set in CapEff CapPrm CapBnd; do grep -q "^$set:.*000000008800001b$" <<<"$status"; done
  grep -q '^NoNewPrivs:.*1$' <<<"$status"
  [ -n "${TARE_SANITIZED:-}" ] || grep -q '^Seccomp:.*2$' <<<"$status"
  [ -z "$(tr -d '\0' <"/proc/$worker/environ")" ]
  # its root is the staging folder: there is nothing else in it
  [ "$(ls "/proc/$worker/root" | xargs)" = "blobs layers lock spool" ]
  # beside the archive and the report it holds folders alone, each the root of a mount of its own
  [ "$(find "/proc/$worker/fd" -printf '%f ' | xargs -n1 | grep -c '^[0-9]')" -le 12 ]
  [ -z "$(ls -l "/proc/$worker/fd" | grep -E " -> /(etc|var/lib|home|root)")" ]
  kill "$pid"; wait "$pid" || true
  exec 9>&-
}

@test "the worker does nothing without its sandbox: it is not for people" {
  run "$TARE_BIN/tare-worker" load </dev/null
  [ "$status" != 0 ]
}
