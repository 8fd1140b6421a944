#!/usr/bin/env bats
# container prune, system prune --filter, system gc.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() {
  local all
  all=$(tare ps -aq)
  # shellcheck disable=SC2086
  [ -z "$all" ] || tare rm -f $all >/dev/null
}

names() { tare ps -a --format '{{.Names}}' | sort | paste -sd' '; }

# An image without a name, of a layer of its own: it prints its id.
nameless() {
  mkdir -p "$BATS_TEST_TMPDIR/ctx"
  head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/ctx/f"
  printf 'FROM busybox\nCOPY f /f\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
  tare build -q --no-cache "$BATS_TEST_TMPDIR/ctx"
}

@test "container prune: what runs stays; filters by label and time" {
  tare run -d --name runs busybox sleep 100
  tare create --name old -l team=web busybox true
  tare create --name other busybox true
  run -1 tare container prune --filter nonsense=1 -f
  [[ "$output" == *"the keys are label, label!, until"* ]]
  run -1 tare container prune --filter until=yesterdayish -f
  tare container prune -f --filter until=1h
  [ "$(names)" = "old other runs" ]
  run -1 tare container prune <<<n
  [ "$(names)" = "old other runs" ]
  tare container prune -f --filter label!=team
  [ "$(names)" = "old runs" ]
  run -0 tare container prune -f --filter label=team=web --filter until=0s
  [[ "$output" =~ ^"Deleted Containers:"$'\n'[0-9a-f]{64}$'\n\n'"Total reclaimed space: " ]]
  [ "$(names)" = runs ]
}

@test "system prune --filter: containers and images that match" {
  tare create --name old -l team=web busybox true
  tare create --name other busybox true
  tare system prune -f --filter until=1h
  [ "$(names)" = "old other" ]
  id=$(nameless)
  tare system prune -f --filter label=team=web
  [ "$(names)" = other ]
  tare image inspect "$id" >/dev/null
  tare system prune -f
  [ "$(names)" = "" ]
  run -1 tare image inspect "$id"
  run -1 tare system prune -f --filter reference=x
}

@test "system prune: networks that no container uses go, as docker's, and the question says so" {
  tare network create unused; tare network create used
  tare network create --label keep=yes labelled
  tare run -d --name runs --network used busybox sleep 100
  run ! tare system prune <<<n
  [[ "$output" == *"every network that no container uses"* ]]
  run ! tare system prune --volumes -a <<<n
  [[ "$output" == *"every network that no container uses, every volume without a name that no container has, every image that no container uses, and all of the build cache."* ]]
  run -0 tare system prune -f --filter label!=keep
  [[ "$output" == *$'Deleted Networks:\n'*unused* && "$output" != *labelled* ]]
  [ "$(tare network ls --format '{{.Name}}' | sort | xargs)" = "bridge host labelled none used" ] || { tare network ls; false; }
  tare rm -f runs
  # one that only a stopped container has goes with it
  tare create --name stopped --network used busybox true
  run -0 tare system prune -f
  [[ "$output" == *"Deleted Networks:"*labelled* && "$output" == *"Deleted Networks:"*used* ]]
}

@test "system prune: the build cache that no image uses goes, with --all the rest and RUN's caches, as docker's" {
  local id; id=$(nameless)
  steps() { tare builder du -q | wc -l; }
  tare builder prune -af >/dev/null
  mkdir -p "$BATS_TEST_TMPDIR/kept"
  printf 'FROM busybox\nRUN --mount=type=cache,target=/c echo x | tee /c/f >/x\n' >"$BATS_TEST_TMPDIR/kept/Dockerfile"
  tare build -q -t kept "$BATS_TEST_TMPDIR/kept"
  tare rmi "$id"
  id=$(nameless)
  [ "$(steps)" = 3 ]
  run ! tare system prune <<<n
  [[ "$output" == *"every image without a name, and the build cache that no image uses."* ]]
  tare system prune -f --filter label=team=web
  tare system prune -f --filter until=1h
  [ "$(steps)" = 3 ]
  run -0 tare system prune -f
  [[ "$output" == *"deleted: $id"*"Total reclaimed space: "[36]*MB ]]
  [ "$(steps)" = 2 ] # what kept has, and the folder of its RUN
  [ "$(tare system df --format json | jq -r 'select(.Type == "Build Cache").Active')" = 1 ]
  tare system prune -af --filter label=team=web
  [ "$(steps)" = 2 ]
  run -0 tare events --since 1m --until 0s --filter type=builder --format '{{.Action}}'
  [[ "$output" == *prune* ]]
  tare system prune -af
  [ "$(steps)" = 0 ]
  load_busybox
}

@test "system gc: what is new stays; containers and named images only when they are asked for" {
  tare create --name stopped busybox true
  tare tag busybox also:this
  id=$(nameless)
  run -0 tare system gc
  [ "$output" = "Total reclaimed space: 0B" ]
  tare image inspect "$id" >/dev/null
  run -0 tare system gc --until 0s
  [[ "$output" == *"deleted: $id"* ]]
  run -1 tare image inspect "$id"
  [ "$(names)" = stopped ]
  tare system gc --until 0s --all
  tare image inspect also:this >/dev/null # a container uses it
  tare run -d --name runs busybox sleep 100
  tare system gc --until 0s --containers
  [ "$(names)" = runs ]
  tare rm -f runs
  run -0 tare system gc --until 0s --all -q
  [ "$output" = "" ]
  [ -z "$(tare images -q)" ]
  load_busybox
}

@test "system gc --keep-free: nothing goes while enough is free, everything while there is not" {
  tare create --name stopped busybox true
  run -0 tare system gc --until 0s --containers --all --keep-free 1k
  [ "$(names)" = stopped ]
  run -0 tare system gc --until 0s --containers --all --keep-free 0%
  [ "$(names)" = "" ]
  load_busybox
  tare create --name stopped busybox true
  run -0 tare system gc --until 0s --containers --keep-free 8000p
  [ "$(names)" = "" ]
  for bad in x% 100% 1000% % x -1 ''; do
    run -1 tare system gc --keep-free "$bad"
    [[ "$output" == *"--keep-free $bad: want a size"* ]] || { echo "$bad: $output"; return 1; }
  done
  run -1 tare system gc --until nonsense
}

@test "system gc --keep-free: it ends as soon as enough is free, the oldest first" {
  local img=$BATS_TEST_TMPDIR/fs where=$BATS_TEST_TMPDIR/at free
  truncate -s 256M "$img"
  mkfs.ext4 -q -F "$img"
  mkdir "$where"
  mount -o loop "$img" "$where" || skip "no loop devices here"
  t() { TARE_ROOT=$where/r TARE_STATE=$BATS_TEST_TMPDIR/s tare "$@"; }
  mkdir -p "$BATS_TEST_TMPDIR/s"
  t load -q -i "$(busybox_archive)"
  for i in 1 2 3; do t run --name "c$i" --network none busybox sh -c 'head -c 20000000 /dev/urandom >/big'; done
  sync -f "$where"
  free=$(( $(stat -f -c '%a * %S' "$where") ))
  t system gc --until 0s --containers --keep-free $((free + 10000000))
  left=$(t ps -a --format '{{.Names}}' | sort | paste -sd' ')
  t system gc --until 0s --containers --all
  umount "$where"
  [ "$left" = "c2 c3" ]
}
