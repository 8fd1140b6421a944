#!/usr/bin/env bats
# tare build: files of the context that nobody touched are not read again, and whatever was touched is.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() {
  ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"
  tare builder prune -af >/dev/null
  printf 'FROM busybox\nCOPY data /data\n' >"$ctx/Dockerfile"; mkdir "$ctx/data"
}
teardown() { ! mountpoint -q "$ctx/data" || umount "$ctx/data"; }
build() { tare build -t t "$@" "$ctx"; }
files() { tare run --rm t sh -c "$1"; }
cached() { [[ "$output" == *"using the cache"* ]]; }
set_xattr() { python3 -c 'import os, sys; os.setxattr(sys.argv[2], "user.tare-test", sys.argv[1].encode())' "$@"; }
old_enough() { sleep 3.3; } # what is younger is not believed

@test "a file that nobody touched is not read again; after a prune it is" {
  mount -t tmpfs -o strictatime tmpfs "$ctx/data"
  echo one >"$ctx/data/f"; echo two >"$ctx/data/g"
  old_enough
  run -0 build
  read_at=$(stat -c %x "$ctx/data/f")
  for jobs in 1 2; do
    run -0 build --jobs $jobs
    cached
    [ "$(stat -c %x "$ctx/data/f")" = "$read_at" ]
  done
  # in the process of a stage likewise
  printf 'FROM busybox AS a\nCOPY data /data\nFROM busybox AS b\nCOPY data /other\nFROM a\nCOPY --from=b /other /other\n' >"$ctx/Dockerfile"
  run -0 build --jobs 2
  read_at=$(stat -c %x "$ctx/data/f")
  run -0 build --jobs 2
  cached
  [ "$(stat -c %x "$ctx/data/f")" = "$read_at" ]
  # one that was touched is, the other is not
  touch "$ctx/data/g"
  one=$(stat -c %x "$ctx/data/g")
  run -0 build --jobs 2
  cached
  [ "$(stat -c %x "$ctx/data/f")" = "$read_at" ]
  [ "$(stat -c %x "$ctx/data/g")" != "$one" ]
  [ -s "$TARE_ROOT/build-cache/digests" ]
  tare builder prune -f
  [ ! -e "$TARE_ROOT/build-cache/digests" ]
  run -0 build
  [ "$(stat -c %x "$ctx/data/f")" != "$read_at" ]
}

@test "a file whose size and time are as before, but not its content" {
  echo one >"$ctx/data/f"; echo uno >"$ctx/data/g"; touch -d @1000000000 "$ctx/data/f" "$ctx/data/g"
  old_enough
  run -0 build
  echo two >"$ctx/data/f"; touch -d @1000000000 "$ctx/data/f"
  run -0 build
  [[ "$output" != *"using the cache"* ]]
  [ "$(files 'cat /data/f')" = two ]
  # one takes the other's name
  mv "$ctx/data/g" "$ctx/data/f"; echo due >"$ctx/data/g"; touch -d @1000000000 "$ctx/data/g"
  run -0 build
  [ "$(files 'cat /data/f /data/g' | tr '\n' ' ')" = "uno due " ]
  old_enough
  run -0 build
  mv "$ctx/data/f" "$ctx/data/x"; mv "$ctx/data/g" "$ctx/data/f"; mv "$ctx/data/x" "$ctx/data/g"
  run -0 build
  [ "$(files 'cat /data/f /data/g' | tr '\n' ' ')" = "due uno " ]
}

@test "a file that is changed right before each build" {
  for round in 1 2 3 4 5 6 7 8; do # i is run's
    echo $round >"$ctx/data/f"; touch -d @1000000000 "$ctx/data/f"
    run -0 build
    [[ "$output" != *"using the cache"* ]]
    [ "$(files 'cat /data/f')" = $round ]
  done
  touch -d '2035-01-01' "$ctx/data/f" # later than now
  run -0 build
  echo 9 >"$ctx/data/f"; touch -d '2035-01-01' "$ctx/data/f"
  run -0 build
  [ "$(files 'cat /data/f')" = 9 ]
}

@test "modes and attributes count; other names of a file are that file" {
  echo one >"$ctx/data/f"; ln "$ctx/data/f" "$ctx/data/g"
  set_xattr 1 "$ctx/data/f"
  old_enough
  run -0 build
  run -0 build
  cached
  set_xattr 2 "$ctx/data/f"
  run -0 build
  [[ "$output" != *"using the cache"* ]]
  old_enough
  run -0 build
  cached
  chmod 600 "$ctx/data/f"
  run -0 build
  [[ "$output" != *"using the cache"* ]]
  [ "$(files 'stat -c %a /data/g')" = 600 ]
}

@test "what is noted of files may be damaged or gone, and two builds may note at once" {
  for i in 1 2 3 4 5 6 7 8 9; do echo $i >"$ctx/data/f$i"; done
  old_enough
  run -0 build
  notes=$TARE_ROOT/build-cache/digests
  [ -s "$notes" ]
  for damage in 'truncate -s 10' 'truncate -s -1' 'truncate -s 0' 'truncate -s +1000' 'sed -i 1d' 'rm'; do
    $damage "$notes"
    run -0 build
    cached
    [ -s "$notes" ]
  done
  rm "$notes"; cp -a "$ctx" "$ctx.2"
  old_enough
  tare build -t p1 "$ctx.2" >/dev/null 2>&1 3>&- &
  run -0 build
  wait $!
  run -0 build
  cached
  [ -z "$(find "$TARE_ROOT/build-cache" -name '.*')" ]
}
