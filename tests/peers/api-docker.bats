#!/usr/bin/env bats
# Docker's own client with tared behind it: what people type, and what they see. Each test asks for an output or an exit code that the client makes of
# answers, streams and their order.
load ../lib/common
load ../lib/tared

setup_file() {
  tare_setup_file
  load_busybox
  start_tared
  export DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker-config
}
teardown_file() {
  stop_tared
  tare_teardown_file
}
teardown() { remove_all; }

logged() { d logs box 2>/dev/null | grep -qx "$1"; }
d() { timeout 60 docker -H "unix://$SOCKET" "$@"; }

@test "docker run: output on both streams, exit codes, input, and nothing left with --rm" {
  run --separate-stderr d run --rm --network none busybox sh -c 'echo out; echo err >&2; exit 7'
  [ "$status" = 7 ]
  [ "$output" = out ]
  # shellcheck disable=SC2154 # bats sets it
  [ "$stderr" = err ]
  head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
  d run -i --rm --network none busybox cat <"$BATS_TEST_TMPDIR/data" >"$BATS_TEST_TMPDIR/back"
  cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/back"
  run -127 d run --rm --network none busybox nosuch
  run -126 d run --rm --network none busybox /etc/passwd
  run d run --rm --network none nosuch/image:tag true
  [ "$status" = 125 ]
  [[ "$output" == *"Unable to find image 'nosuch/image:tag' locally"* ]]
  [ -z "$(tare ps -aq)" ]
}

@test "docker run: a hundred lines of each of ten at the same time, each with its first and its last" {
  local i
  for i in 1 2 3 4 5 6 7 8 9 10; do
    d run --rm --network none busybox sh -c 'i=0; while [ $i -lt 100 ]; do echo $i; i=$((i+1)); done' >"$BATS_TEST_TMPDIR/out$i" 3>&- &
  done
  wait
  for i in 1 2 3 4 5 6 7 8 9 10; do
    seq 0 99 | cmp - "$BATS_TEST_TMPDIR/out$i"
  done
}

@test "device nodes that a container makes open if they are the container's; of one by tare's own defaults none does" {
  local make='mknod /null c 1 3 && echo x >/null && echo null; mknod /mem c 1 1 && dd if=/mem of=/dev/null bs=1 count=1 2>/dev/null && echo mem'
  run d run --rm --network none busybox sh -c "$make"
  [ "$output" = null ]
  run tare run --rm --network none --privileged busybox sh -c "$make"
  [[ "$output" == null* ]]
  run tare run --rm --network none --userns host --cap-add MKNOD --device-cgroup-rule 'c 1:* rwm' busybox sh -c "$make"
  [[ "$output" != *null && "$output" != *mem && "$output" == *'Permission denied'* ]]
}

@test "docker run -t: a terminal of the client's size" {
  run script -qec "stty rows 31 cols 101; DOCKER_CONFIG=$DOCKER_CONFIG docker -H unix://$SOCKET run -it --rm --network none busybox sh -c 'sleep 0.5; stty size; tty'" /dev/null
  [[ "$output" == *'31 101'*/dev/pts/0* ]]
}

@test "docker run -d, stop, start -a, restart, kill, pause, rename, update, wait, rm" {
  d run -d --name box --network none --stop-signal KILL busybox sh -c 'echo up; sleep 1000' >"$BATS_TEST_TMPDIR/id"
  wait_until 5 logged up
  run ! d run -d --name box --network none busybox true
  [[ "$output" == *"Conflict. The container name \"/box\" is already in use by container \"$(cat "$BATS_TEST_TMPDIR/id")\""* ]]
  d pause box && d unpause box
  d rename box other
  d update --memory 64m --memory-swap 64m other
  run d rm other
  [ "$status" = 1 ]
  d wait other >"$BATS_TEST_TMPDIR/code" 3>&- &
  d stop other
  wait
  [ "$(cat "$BATS_TEST_TMPDIR/code")" = 137 ]
  d start other && d restart -t 0 other && d kill other
  d rm other
  d create --name again -i --network none busybox sh -c 'cat; exit 3' >/dev/null
  run d start -a -i again <<<'some words'
  [ "$status" = 3 ]
  [ "$output" = 'some words' ]
  [[ "$(d container prune -f)" == *'Deleted Containers:'* ]]
}

@test "docker exec: output, input, exit code, terminal" {
  d run -d --name box --network none busybox sleep 1000 >/dev/null
  run --separate-stderr d exec box sh -c 'echo out; echo err >&2; exit 9'
  [ "$status" = 9 ]
  [ "$output/$stderr" = out/err ]
  [ "$(d exec -i -u 1000 -w /tmp -e A=b box sh -c 'cat; id -u; pwd; echo $A' <<<in)" = $'in\n1000\n/tmp\nb' ]
  run -127 d exec box nosuch
  run script -qec "stty rows 31 cols 101; DOCKER_CONFIG=$DOCKER_CONFIG docker -H unix://$SOCKET exec -it box sh -c 'sleep 0.5; stty size'" /dev/null
  [[ "$output" == *'31 101'* ]]
  d exec -d box touch /detached
  wait_until 5 tare exec box test -e /detached
}

@test "docker logs: follows, tails, tells times; docker attach" {
  d run -d -i --name box --network none busybox sh -c 'echo one; echo two; while read x; do echo got $x; done' >/dev/null
  wait_until 5 logged two
  [ "$(d logs --tail 1 box)" = two ]
  [[ "$(d logs -t --tail 1 box)" == 20*Z\ two ]]
  d logs -f box >"$BATS_TEST_TMPDIR/followed" 3>&- &
  d attach box <<<'a line' >"$BATS_TEST_TMPDIR/attached"  3>&- &
  wait_until 5 logged 'got a line'
  d rm -f box
  wait
  [ "$(cat "$BATS_TEST_TMPDIR/followed")" = $'one\ntwo\ngot a line' ]
  [ "$(cat "$BATS_TEST_TMPDIR/attached")" = 'got a line' ]
}

@test "docker cp: into a container and out of it; docker export" {
  d create --name box --network none busybox true >/dev/null
  mkdir -p "$BATS_TEST_TMPDIR/dir/sub"; echo text >"$BATS_TEST_TMPDIR/dir/sub/f"; ln -s sub/f "$BATS_TEST_TMPDIR/dir/l"
  d cp "$BATS_TEST_TMPDIR/dir" box:/tmp/
  d cp box:/tmp/dir "$BATS_TEST_TMPDIR/back"
  diff -r "$BATS_TEST_TMPDIR/dir" "$BATS_TEST_TMPDIR/back"
  [ "$(readlink "$BATS_TEST_TMPDIR/back/l")" = sub/f ]
  d cp -L box:/tmp/dir/l "$BATS_TEST_TMPDIR/followed"
  [ "$(cat "$BATS_TEST_TMPDIR/followed")" = text ]
  [ "$(d cp box:/tmp/dir/sub/f - | tar -xO)" = text ]
  run d cp box:/nosuch "$BATS_TEST_TMPDIR"
  [[ "$output" == *'Could not find the file /nosuch in container box'* || "$output" == *'No such container:path: box:/nosuch'* ]] # newer clients; older
  d export box | tar -t | grep -qx tmp/dir/sub/f
}
