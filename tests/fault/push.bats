#!/usr/bin/env bats
# Pushes under fire: tare and tare-transfer killed at each of their steps, a registry that is full or dies in the middle, images that are removed
# meanwhile. After each the store is as it was, what the registry names is whole, and the next push gives the image its name.
load ../lib/common
load ../lib/registry
load ../lib/faults

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS CONTAINERS_REGISTRIES_CONF=/dev/null DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
  registry_start
  registry_image made:1 300000 9000 >/dev/null
  NAME=$(registry)/app:1
  export NAME
  tare pull -q "$(registry)/made:1" >/dev/null
  tare tag "$(registry)/made:1" "$NAME"
  tare rmi "$(registry)/made:1" >/dev/null # a name that it could be mounted from
  as_it_was >"$BATS_FILE_TMPDIR/store"
}
teardown_file() { registry_stop; tare_teardown_file; }
setup() { forget; registry_faults_clear; registry_log_clear; }
teardown() { registry_faults_clear || true; registry_stop || true; }

forget() { rm -rf "$(registry_dir)/store/repos/app"; }
as_it_was() { (cd "$TARE_ROOT" && find content layers ingest -printf '%p %s %T@\n' | sort && sqlite3 catalog.db 'SELECT ref, image FROM tags'); }
there() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://${1:-$NAME}" 2>/dev/null; }
here() { tare images --format json "$NAME" | jq -r .Digest; }

# Nothing that was here has changed, and the registry names nothing that it has not got; with the next push it has the image.
next_push_works() {
  store_consistent || return 1
  diff <(as_it_was) "$BATS_FILE_TMPDIR/store" || return 1
  registry_whole || return 1
  tare push -q "$NAME" >/dev/null || return 1
  registry_whole || return 1
  [ "$(there)" = "$digest" ] || return 1
  forget
}

@test "tare killed at each of its steps" {
  local calls n rc kills=0 digest
  digest=$(here)
  for calls in openat,openat2 flock,fcntl sendto,sendmsg read,recvfrom,recvmsg vfork,clone,clone3 poll,ppoll,wait4,waitid write,pwrite64; do
    for n in $(kill_points); do
      rc=0; killed_at "$calls" "$n" "$TARE_BIN/tare" push -q "$NAME" >/dev/null 2>&1 || rc=$?
      [ "$rc" != 0 ] || break
      next_push_works || { echo "after $calls #$n"; return 1; }
      kills=$((kills + 1))
    done
    forget
  done
  echo "# killed $kills times" >&3
  [ "$kills" -gt 20 ]
}

@test "tare-transfer killed at each of its steps: one line says so" {
  local calls n rc kills=0 out digest
  digest=$(here)
  for calls in socket connect sendto,sendmsg recvfrom poll write read,pread64 clone3 munmap; do
    for n in 1 2 4 9 20 40; do
      rc=0; out=$(program_killed_at tare-transfer "$calls" "$n" push -q "$NAME" 2>&1) || rc=$?
      [ "$rc" != 0 ] || break
      [ "$rc" = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] && [[ $out == *"tare-transfer was killed by signal 9"* ]] || { echo "$calls #$n: $rc $out"; return 1; }
      next_push_works || { echo "after $calls #$n"; return 1; }
      kills=$((kills + 1))
    done
    forget
  done
  echo "# killed $kills times" >&3
  [ "$kills" -gt 15 ]
}

# The manifest goes last: whatever the registry refuses before, it gets no name.
@test "a registry that is full at each of the requests: one line says so, and no name is there" {
  local at digest
  digest=$(here)
  for at in "507 POST /blobs/uploads/ 1" "507 POST /blobs/uploads/ 2" "507 PUT /blobs/ 1" "507 PUT /blobs/ 2" "507 PUT /blobs/ 3" \
    "507 PUT /manifests/ 1" "500 PUT /blobs/ 2" "500 PUT /manifests/ 1"; do
    # shellcheck disable=SC2086
    set -- $at
    registry_fault refuse "$2" "$3" nth="$4" times=0 code="$1"
    run timeout 60 "$TARE_BIN/tare" push -q "$NAME"
    [ "$status" = 1 ] && [ "${#lines[@]}" = 1 ] || { echo "$at: $status $output"; return 1; }
    [[ "$output" == *"$(registry) answers $1"* ]] || { echo "$at: $output"; return 1; }
    [ -z "$(there)" ]
    registry_faults_clear
    next_push_works || { echo "after $at"; return 1; }
  done
}

@test "a registry that dies in the middle of each of the requests, and is there again" {
  local at digest pushing rc name
  digest=$(here)
  registry_start -n mortal
  name=$(registry mortal)/app:1
  tare tag "$NAME" "$name"
  for at in "POST /blobs/uploads/" "PUT /blobs/" "PUT /manifests/"; do
    rm -rf "$(registry_dir mortal)/store/repos/app"
    R=mortal registry_log_clear
    R=mortal registry_fault delay "${at% *}" "${at#* }" seconds=5 times=0
    timeout 60 "$TARE_BIN/tare" push -q "$name" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & pushing=$!
    wait_until 10 asked mortal "${at% *}" "${at#* }"
    kill -KILL "$(cat "$(registry_dir mortal)/pid")"
    rc=0; wait "$pushing" || rc=$?
    [ "$rc" = 1 ] && [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = 1 ] && grep -qF "$(registry mortal)" "$BATS_TEST_TMPDIR/out" || { echo "$at: $rc"; cat "$BATS_TEST_TMPDIR/out"; return 1; }
    store_consistent
    R=mortal registry_whole
    registry_start -n mortal --listen "${name%/*}"
    tare push -q "$name"
    R=mortal registry_whole
    [ "$(there "$name")" = "$digest" ]
  done
  tare rmi "$name" >/dev/null
}
asked() { [ "$(R=$1 registry_count "$2" "$3")" != 0 ]; }

@test "what is removed while it is pushed arrives whole, or the push says that it is gone" {
  local i rc digest pushing
  digest=$(here)
  tare save -o "$BATS_TEST_TMPDIR/kept.tar" "$NAME"
  for i in 1 2 3 4 5 6 7 8; do
    forget
    "$TARE_BIN/tare" push -q "$NAME" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & pushing=$!
    sleep "0.00$i"
    tare rmi "$NAME" >/dev/null
    tare image prune -f >/dev/null
    rc=0; wait "$pushing" || rc=$?
    if [ "$rc" = 0 ]; then
      [ "$(there)" = "$digest" ]
    else
      [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = 1 ]
      grep -qE 'no image has the name|no such image|the store lacks a part of the image' "$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
      [ -z "$(there)" ]
    fi
    registry_whole
    store_consistent
    tare load -q -i "$BATS_TEST_TMPDIR/kept.tar" >/dev/null
  done
}
