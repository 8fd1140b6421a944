#!/usr/bin/env bats
# What a store that is gone left in the host's network.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  remove_all
  tare network prune -f >/dev/null
}

# A store is removed with `rm -rf`, with its state, while a container runs; another is made in its place.
remade() {
  wipe "$TARE_ROOT" "$TARE_STATE"
  load_busybox
}
end_orphan() { # ID
  find /sys/fs/cgroup -path "*/tare/$1*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -9
  none_of() { [ -z "$(find /sys/fs/cgroup -type d -path "*/tare/$1*" 2>/dev/null)" ]; }
  wait_until 10 none_of "$1" || find /sys/fs/cgroup -depth -type d -path "*/tare/$1*" -exec rmdir {} + || true
}

@test "rm -rf of the store: what it left is told, and in nobody's way" {
  id=$(tare run -d --name old -p 8080:80 busybox sleep 1000)
  tare network create --subnet 10.77.0.0/24 side
  tare run -d --name older --network side busybox true
  remade
  run -1 tare system check
  [[ "$output" == *"elements of containers and networks that are not in $TARE_ROOT"*"tare network prune"* ]]
  [[ "$output" == *"is of no network"*"is of no container"* ]]
  end_orphan "$id"
  serve new 80 hello -p 8080:80
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  run -0 tare system check
  [ "$(elements | grep -c "$id")" = 0 ]
  tare network create --internal --subnet 10.77.0.0/24 side
  tare run --rm --network side busybox true
  tare rm -f new
}

@test "rm -rf of the store: tare network prune removes what it left, alive or not" {
  id=$(tare run -d --name old -p 8080:80 busybox sleep 1000)
  remade
  tare network prune -f
  [ -z "$(elements)" ]
  run ! grep -E ': t[an][0-9a-f]{10}' <(ip -o link)
  run -0 tare system check
  end_orphan "$id"
}

@test "two stores with one state folder: the second one is told so, and the first one's network stays" {
  serve web 80 hello -p 8080:80
  elements >"$BATS_TEST_TMPDIR/before"
  mkdir "$BATS_TEST_TMPDIR/second"
  TARE_ROOT=$BATS_TEST_TMPDIR/second load_busybox
  TARE_ROOT=$BATS_TEST_TMPDIR/second run -125 tare run --rm busybox true
  [[ "$output" == *"state folder of another store"*"--state of its own"* ]]
  elements | diff "$BATS_TEST_TMPDIR/before" -
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  tare rm -f web
}
