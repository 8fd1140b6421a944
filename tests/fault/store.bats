#!/usr/bin/env bats
# The store under fire: the collector beside pulls, loads, saves, verifies and runs; save and repair killed at each of their steps; a full
# disk. Afterwards `tare system check` finds nothing, and the images are whole.

load ../lib/common
load ../lib/images
load ../lib/registry
load ../lib/faults

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS W=$BATS_FILE_TMPDIR
  registry_start
  python3 "$TARE_TESTS/lib/layers.py" whiteouts "$W/lower.l" "$W/upper.l"
  docker_archive "$W/two.tar" two:1 "$W/lower.l" "$W/upper.l"
}
teardown_file() { registry_stop; tare_teardown_file; }
setup() {
  registry_client "$BATS_TEST_TMPDIR"
}
teardown() {
  : >"$BATS_TEST_TMPDIR/stop"
  [ -z "${collector:-}" ] || wait "$collector" || true
  ! mountpoint -q "$BATS_TEST_TMPDIR/full" || umount "$BATS_TEST_TMPDIR/full"
  registry_faults_clear || true
  remove_all
  tare system prune -af >/dev/null
}

# Collects as fast as it can, until it is told to stop. What it says of errors is kept.
collect() {
  while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do tare image prune -f >>"$BATS_TEST_TMPDIR/freed" 2>>"$BATS_TEST_TMPDIR/collector"; done 3>&- &
  collector=$!
}
collected() {
  : >"$BATS_TEST_TMPDIR/stop"
  wait "$collector"; collector=
  [ "$(wc -l <"$BATS_TEST_TMPDIR/freed")" -gt 10 ]
  [ ! -s "$BATS_TEST_TMPDIR/collector" ] || { cat "$BATS_TEST_TMPDIR/collector"; return 1; }
  consistent
}
consistent() {
  store_consistent &&
    tare image verify --all -q && [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -type d)" ]
}
rounds() { if [ -n "${TARE_TEST_LONG:-}" ]; then seq "$(($1 * 5))"; else seq "$1"; fi; }

@test "the collector beside pulls: of one image that shares layers with one that goes" {
  registry_image a:1 300000 400000 200000 >/dev/null
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$(registry)/a:1" "docker://$(registry)/b:1"
  registry_fault slow GET /blobs/ rate=3000000 times=0
  collect
  for i in $(rounds 8); do
    tare pull -q "$(registry)/a:1" >/dev/null 3>&- & one=$!
    tare pull -q "$(registry)/b:1" >/dev/null 3>&- & two=$!
    wait "$one"; wait "$two"
    tare rmi "$(registry)/a:1" >/dev/null
    tare save "$(registry)/b:1" >/dev/null
    tare image verify -q "$(registry)/b:1"
    tare rmi "$(registry)/b:1" >/dev/null
  done
  tare pull -q "$(registry)/a:1"
  collected
}

@test "the collector beside loads and runs of images that come and go" {
  collect
  for i in $(rounds 10); do
    load_busybox >/dev/null
    tare run --rm --network none busybox true 3>&- & one=$!
    tare run --rm --network none busybox true 3>&- & two=$!
    tare load -q -i "$W/two.tar" >/dev/null
    wait "$one"; wait "$two"
    tare rmi busybox two:1 >/dev/null
  done
  load_busybox >/dev/null
  collected
  tare run --rm --network none busybox true
}

@test "an image that is saved is not collected, even when it is removed meanwhile" {
  load_busybox >/dev/null
  tare save -o "$BATS_TEST_TMPDIR/want.tar" busybox
  mkfifo "$BATS_TEST_TMPDIR/fifo"
  tare save busybox >"$BATS_TEST_TMPDIR/fifo" 3>&- & saving=$!
  exec 9<"$BATS_TEST_TMPDIR/fifo"
  head -c 10 <&9 >"$BATS_TEST_TMPDIR/got.tar"
  tare rmi busybox >/dev/null
  tare image prune -f >/dev/null
  cat <&9 >>"$BATS_TEST_TMPDIR/got.tar"
  exec 9<&-
  wait "$saving"
  cmp "$BATS_TEST_TMPDIR/got.tar" "$BATS_TEST_TMPDIR/want.tar"
  tare image prune -f >/dev/null
  [ -z "$(ls -A "$TARE_ROOT/layers")" ]
}

@test "save killed at each of its steps leaves the old file or the new one, and nothing else" {
  tare load -q -i "$W/two.tar" >/dev/null
  tare save -o "$BATS_TEST_TMPDIR/want.tar" two:1
  out=$BATS_TEST_TMPDIR/out; mkdir "$out"
  kills=0
  for calls in write,copy_file_range,sendfile linkat,renameat,renameat2 openat; do
    for n in 1 2 3 4 5 7 9 12 16 22 30 40 60 100; do
      rm -rf "${out:?}"/*; echo old >"$out/a.tar"
      rc=0
      killed_at "$calls" "$n" "$TARE_BIN/tare" save -o "$out/a.tar" two:1 || rc=$?
      [ "$(cat "$out/a.tar")" = old ] || cmp "$out/a.tar" "$BATS_TEST_TMPDIR/want.tar"
      # between the link and the rename there is a second name
      [ "$(find "$out" -type f ! -name a.tar | wc -l)" -le "$([ "$calls" = linkat,renameat,renameat2 ] && echo 1 || echo 0)" ]
      [ "$rc" != 0 ] || break
      kills=$((kills + 1))
    done
  done
  [ "$kills" -gt 10 ]
  tare image prune -f >/dev/null # what was linked aside for one that was killed goes with the next collection
  consistent
}

@test "repair killed at each of its steps: the store has the old tree or the new one, and the next repair works" {
  tare load -q -i "$W/two.tar" >/dev/null
  kills=0
  for calls in renameat,renameat2 syncfs,fsync unlinkat mkdirat flock; do
    for n in 1 2 3 4 5 6 8 11 15 20; do
      for fs in "$TARE_ROOT"/layers/*/fs; do echo bad >"$fs/bad"; done
      rc=0
      killed_at "$calls" "$n" "$TARE_BIN/tare" image verify --repair two:1 >/dev/null 2>&1 || rc=$?
      [ -z "$(tare system check --format json | jq -c 'select(.About == "store" and .Level == "problem")')" ]
      tare image verify --repair two:1 >/dev/null
      run -0 tare image verify -q two:1
      [ -z "$output" ] || { echo "after $calls #$n: $output"; return 1; }
      [ -z "$(find "$TARE_ROOT/layers" -name bad)" ]
      [ "$rc" != 0 ] || break
      kills=$((kills + 1))
    done
  done
  [ "$kills" -gt 10 ]
  tare system prune -f >/dev/null
  consistent
}

@test "repair on a full disk: one line, and what was there stays" {
  full=$BATS_TEST_TMPDIR/full; mkdir "$full"; mount -t tmpfs -o size=8m tmpfs "$full"
  tare --root "$full" load -q -i "$(busybox_archive)" >/dev/null
  fs=$(echo "$full"/layers/*/fs)
  echo bad >"$fs/bad"
  head -c 20000000 /dev/zero >"$full/filler" 2>/dev/null || true
  run -1 tare --root "$full" image verify --repair busybox
  [[ "$output" == *"full"* || "$output" == *"No space"* ]]
  [ -e "$fs/bad" ]
  rm "$full/filler"
  run -0 tare --root "$full" image verify --repair busybox
  [ ! -e "$fs/bad" ]
}

@test "a pull that repairs, killed, is gone on with by the next" {
  registry_image big:1 3000000 >/dev/null
  NAME=$(registry)/big:1
  tare pull -q "$NAME"
  blob=$(find "$TARE_ROOT/content/blobs" -size +1000k)
  printf X | dd of="$blob" bs=1 seek=100 conv=notrunc status=none
  registry_fault slow GET /blobs/ rate=1000000 times=0
  "$TARE_BIN/tare" image verify --repair "$NAME" >/dev/null 2>&1 3>&- & repairing=$!
  wait_until 10 eval '[ -n "$(find "$TARE_ROOT/content/partial" -size +100k 2>/dev/null)" ]'
  kill -KILL "$repairing"; wait "$repairing" || true
  registry_faults_clear
  run -1 tare image verify "$NAME"
  run -0 tare image verify --repair "$NAME"
  consistent
}

# durable COMMAND…: tare's. What gets a name in the store has been synced (or all has been), and the folders that it got it in are before
# the catalog tells of it.
durable() {
  strace -f -qq -y -e trace=fsync,syncfs,fdatasync,renameat,renameat2 -o "$BATS_TEST_TMPDIR/trace" "$TARE_BIN/tare" "$@" >/dev/null 3>&-
  awk -v root="$TARE_ROOT" '
    function inside() { match($0, /<[^>]*>/); return substr($0, RSTART + 1, RLENGTH - 2) }
    function wrong(why) { print why ": " $0; bad = 1 }
    / syncfs\(/ { all = 1 }
    / fsync\(/ { synced[inside()] = 1; delete unsynced[inside()] }
    / renameat2?\(/ && index($0, "<" root "/ingest/") && (index($0, "<" root "/content/blobs/sha256>") || index($0, "<" root "/layers>")) {
      split($0, name, "\""); from = inside() "/" name[2]; names++
      if (!all && !synced[from]) wrong("not synced")
      if (!all && from ~ /\/layers\// && !(synced[from "/fs"] && synced[from "/info.json"])) wrong("a layer that is not synced")
      unsynced[root (from ~ /\/layers\// ? "/layers" : "/content/blobs/sha256")] = 1
    }
    / fdatasync\(/ && /catalog\.db-wal/ { for (d in unsynced) wrong(d " is not synced") }
    END { for (d in unsynced) wrong(d " is not synced"); if (!names) wrong("nothing got a name"); exit bad }' "$BATS_TEST_TMPDIR/trace"
}

@test "what has its name in the store is on the disk, and so are the folders before the catalog tells of it" {
  local ctx=$BATS_TEST_TMPDIR/ctx layer
  durable load -q -i "$W/two.tar"
  registry_image durable:1 300000 >/dev/null
  durable pull -q "$(registry)/durable:1"
  load_busybox; mkdir "$ctx"
  printf 'FROM busybox\nRUN echo few >/few\n' >"$ctx/Dockerfile"
  durable build -q --network none "$ctx"
  printf 'FROM busybox\nRUN for i in $(seq 100); do echo many >/many-$i; done\n' >"$ctx/Dockerfile"
  durable build -q --network none "$ctx"
  tare run --name box --network none busybox sh -c 'echo x >/x'
  durable commit box committed
  layer=$TARE_ROOT/layers/$(tare image inspect two:1 | jq -r '.[0].RootFS.Layers[0]' | cut -d: -f2)
  echo odd >"$layer/fs/odd"
  durable image verify --repair two:1
  [ ! -e "$layer/fs/odd" ]
}
