#!/usr/bin/env bats
# Pulls under fire: tare and the two programs that it starts killed at each of their steps, a full disk, the collector and `rmi` beside pulls
# of the same images. After each the store is consistent, the next pull fetches only what is missing, and the image runs.
load ../lib/common
load ../lib/registry
load ../lib/faults

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS CONTAINERS_REGISTRIES_CONF=/dev/null DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
  registry_start
  fault_image app:1 400000 2500000 9000
}
teardown_file() { registry_stop; tare_teardown_file; }
setup() { NAME=$(registry)/app:1; registry_log_clear; }
teardown() {
  small_store_end
  registry_faults_clear || true
  [ -z "${beside:-}" ] || { : >"$BATS_TEST_TMPDIR/stop"; wait "$beside" || true; }
  remove_all
  tare system prune -af >/dev/null
}

fetched() { registry_log | jq -s 'map(select(.method == "GET" and (.path | test("/blobs/"))) | .sent) | add // 0'; }
size_of_all() { skopeo inspect --raw --tls-verify=false "docker://$NAME" | jq "[.layers[].size, .config.size] | add"; }
# Bytes of layers that are here: whole blobs, and 64 kB for each mark in the map of one that is half here.
here() {
  local f sum=0
  for f in "$TARE_ROOT"/content/blobs/sha256/*; do [ ! -e "$f" ] || sum=$((sum + $(stat -c %s "$f"))); done
  for f in "$TARE_ROOT"/content/partial/*.map; do
    [ ! -e "$f" ] || [ ! -e "${f%.map}" ] || sum=$((sum + $(tr -dc '\001' <"$f" | wc -c) * 65536))
  done
  echo "$sum"
}

# The next pull fetches what is missing, and one piece more of each of the layers at most; then it starts all over.
next_pull_works() {
  local had
  store_consistent || return 1
  # of what came whole, no more than one is under way between the two places where it would be found again
  [ "$(find "$TARE_ROOT/ingest" -path '*/blobs/*' -size +4k | wc -l)" -le 1 ] || { echo "layers are lost with their pull"; return 1; }
  had=$(here)
  registry_log_clear
  tare pull -q "$NAME" >/dev/null || return 1
  [ $((had + $(fetched))) -le $((all + 4 * 65536 + 20000)) ] || { echo "$had bytes were here, $(fetched) of $all were fetched"; return 1; }
  [ -z "$(ls "$TARE_ROOT/content/partial")" ] || return 1
  [ "$(tare inspect "$NAME" | jq -r '.[0].RootFS.Layers | length')" = 4 ] || return 1
  tare rmi "$NAME" >/dev/null
  tare system prune -af >/dev/null
  [ -z "$(ls "$TARE_ROOT/layers")" ] && [ -z "$(ls "$TARE_ROOT/content/blobs/sha256")" ]
}

@test "tare killed at each of its steps" {
  local calls n rc kills=0 all
  all=$(size_of_all)
  for calls in openat,openat2 mkdirat renameat,renameat2 syncfs,fsync,fdatasync flock pwrite64 sendto vfork,clone,clone3 unlinkat ftruncate; do
    for n in $(kill_points); do
      rc=0; killed_at "$calls" "$n" "$TARE_BIN/tare" pull -q "$NAME" >/dev/null 2>&1 || rc=$?
      [ "$rc" != 0 ] || break
      next_pull_works || { echo "after $calls #$n"; return 1; }
      kills=$((kills + 1))
    done
  done
  echo "# killed $kills times" >&3
  [ "$kills" -gt 30 ]
  tare pull -q "$NAME"
  [ "$(tare run --rm --network none "$NAME" /bin/busybox echo runs)" = runs ]
  store_sound
}

@test "tare-transfer and tare-worker killed at each of their steps: one line says so" {
  local program calls n rc kills=0 all out
  all=$(size_of_all)
  for program in tare-transfer:{socket,connect,sendto,recvfrom,poll,write,read,clone3,munmap} \
    tare-worker:{read,write,pwrite64,mkdirat,openat2,fchownat,fsetxattr,clone3,linkat,symlinkat}; do
    calls=${program#*:} program=${program%:*}
    for n in 1 2 4 9 40; do
      rc=0; out=$(program_killed_at "$program" "$calls" "$n" pull -q "$NAME" 2>&1) || rc=$?
      [ "$rc" != 0 ] || break
      [ "$rc" = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] && [[ $out == *"$program was killed by signal 9"* ]] || { echo "$program $calls #$n: $rc $out"; return 1; }
      next_pull_works || { echo "after $program $calls #$n"; return 1; }
      kills=$((kills + 1))
    done
    tare rmi "$NAME" >/dev/null 2>&1 || true
    tare system prune -af >/dev/null
  done
  echo "# killed $kills times" >&3
  [ "$kills" -gt 15 ]
  store_sound
}

@test "a disk that is full at each stage: one line, a consistent store, and with room the next pull goes on" {
  local size failures=0
  for size in 200k 320k 400k 600k 900k 1300k 1700k 2300k 3m 4m 5m 6m 8m 16m; do
    on_small_store "$size" pull -q "$NAME"
    [ "$(tare run --rm --network none "$NAME" /bin/busybox echo runs)" = runs ]
    store_sound
    small_store_end
  done
  echo "# $failures failures" >&3
  [ "$failures" -gt 6 ] && [ "$failures" -lt 14 ]
}

@test "load on a disk that is full at each stage" {
  local size failures=0
  tare pull -q "$NAME" >/dev/null
  tare save -o "$BATS_TEST_TMPDIR/saved.tar" "$NAME"
  for size in 200k 320k 600k 1300k 2300k 4m 5m 6m 8m 16m; do
    on_small_store "$size" load -q -i "$BATS_TEST_TMPDIR/saved.tar"
    store_sound
    small_store_end
  done
  echo "# $failures failures" >&3
  [ "$failures" -gt 3 ] && [ "$failures" -lt 10 ]
}

@test "rmi, image prune and builder prune beside pulls and runs of the image: each ends well or says that it is in use" {
  local i
  while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do
    tare rmi "$NAME"; tare image prune -af; tare builder prune -af
  done >"$BATS_TEST_TMPDIR/beside" 2>&1 3>&- &
  beside=$!
  for i in $(seq "${TARE_TEST_LONG:+5}"5); do
    tare pull -q "$NAME" >/dev/null
    # the image may be gone before the run has found it, and is fetched again then
    [ "$(tare run --rm --network none "$NAME" /bin/busybox echo runs)" = runs ]
    tare pull -q "$NAME" >/dev/null 3>&- & one=$!
    tare pull -q "$NAME" >/dev/null
    wait "$one"
  done
  : >"$BATS_TEST_TMPDIR/stop"; wait "$beside" || true; beside=
  sort "$BATS_TEST_TMPDIR/beside" | sed 's/sha256:[0-9a-f]*/ID/; s/[0-9.]*[kM]*B$/SIZE/; s/container [0-9a-f]*/container ID/' | uniq -c | sort -rn >"$BATS_TEST_TMPDIR/kinds"
  cat "$BATS_TEST_TMPDIR/kinds"
  run ! grep -vE 'Untagged|Deleted|deleted|untagged|Total|no image|no such image|in use|is used|not found|^ *[0-9]+ $' "$BATS_TEST_TMPDIR/kinds"
  store_sound
}
