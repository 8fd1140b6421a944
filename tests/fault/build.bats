#!/usr/bin/env bats
# Builds under fire: tare, the worker and a step's monitor killed at each of their steps, disks of many sizes, images and caches removed beside
# a build, signals, two builds at once. After each the store is consistent, nothing is left, and the next build has the same digest.
load ../lib/common
load ../lib/faults

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS CONTAINERS_REGISTRIES_CONF=/dev/null DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker CTX=$BATS_FILE_TMPDIR/ctx
  export TARE_TEST_SEED=${TARE_TEST_SEED:-$RANDOM}
  echo "# seed $TARE_TEST_SEED" >&3
  load_busybox
  mkdir -p "$CTX/d/e"
  head -c 300000 /dev/urandom >"$CTX/f"; echo deep >"$CTX/d/e/g"
  tar -C "$CTX" --owner=3 --group=4 --mtime=@1000 -cf "$CTX/t.tar" d
  cat >"$CTX/Dockerfile" <<'D'
FROM busybox AS a
COPY f /f
RUN rm /etc/group && cp /f /g
FROM busybox AS side
RUN echo side >/side
FROM a
WORKDIR /w
COPY --from=side /side /side
COPY --from=a /g /h
ADD t.tar /t/
RUN --mount=type=bind,target=/ctx --mount=type=cache,target=/c --mount=type=secret,id=s cat /ctx/d/e/g /run/secrets/s >/x
ENV A=1
D
  echo secret >"$BATS_FILE_TMPDIR/secret"
  DIGEST=$(build && digest)
  IMAGE=$(tare images -q --no-trunc t)
  tare save -o "$BATS_FILE_TMPDIR/first.tar" t
  export DIGEST IMAGE
  forget
}
teardown_file() {
  rm -rf "$TARE_STATE/stale" # addresses whose monitors were killed: whoever gets one takes its mark away
  tare_teardown_file
}
teardown() {
  [ -z "${beside:-}" ] || { : >"$BATS_TEST_TMPDIR/stop"; wait "$beside" || true; }
  small_store_end
}

BUILD=(build -q --secret "id=s,src=$BATS_FILE_TMPDIR/secret" -t t)
build() { tare "${BUILD[@]}" "$CTX" >/dev/null; }
digest() { tare images --format json "${1:-t}" | jq -r .Digest; }
# no image but the base, and nothing in the cache
forget() { tare rmi -f t >/dev/null 2>&1 || true; tare builder prune -af >/dev/null; }

# every_so_often TOTAL N: N numbers up to TOTAL, of the seed's choice; all of them in the long run.
every_so_often() {
  local i
  if [ -n "${TARE_TEST_LONG:-}" ] || [ "$1" -le "$2" ]; then seq "$1"; return; fi
  RANDOM=$((TARE_TEST_SEED + $1))
  for ((i = 0; i < $2; i++)); do echo $((1 + (RANDOM * 32768 + RANDOM) % $1)); done | sort -nu
}
# calls_of CALLS COMMAND…: how many of these it makes.
calls_of() {
  local calls=$1; shift
  strace -qq -o "$BATS_TEST_TMPDIR/calls" -e trace="$calls" "$@" >/dev/null 2>&1
  grep -c '(' "$BATS_TEST_TMPDIR/calls" || true
}

no_container() { [ -z "$(tare ps -aq)" ]; }
nothing_mounted() { ! grep -F "$BATS_FILE_TMPDIR/" /proc/self/mountinfo; }
no_cgroup() { [ -z "$(find /sys/fs/cgroup -type d -path "*/tare/*" -name "$1*" 2>/dev/null)" ]; }

same_image() {
  [ "$(digest)" != "$DIGEST" ] || return 0
  echo "$(digest) is not $DIGEST"
  tare save -o "$BATS_TEST_TMPDIR/other.tar" t
  images_differ "$BATS_FILE_TMPDIR/first.tar" "$BATS_TEST_TMPDIR/other.tar"
  return 1
}

# The next command finds everything settled; the next build has the same digest and leaves nothing.
next_build_works() {
  local ids id
  ids=$(ls "$TARE_ROOT/containers" 2>/dev/null)
  wait_until 10 no_container || return 1
  store_consistent || return 1
  nothing_mounted || return 1
  build || return 1
  same_image || return 1
  nothing_staged || return 1
  for id in $ids; do [ -e "$TARE_ROOT/containers/$id" ] || wait_until 5 no_cgroup "$id" || { echo "cgroups of $id stayed"; return 1; }; done
  [ -z "$(ls "$TARE_ROOT/containers")" ] || return 1
  forget
}

@test "tare killed at each of its steps" {
  local calls n rc kills=0 total
  for calls in renameat,renameat2,linkat syncfs,fsync,fdatasync open_tree,move_mount,fsmount,mount_setattr,umount2,mount clone,clone3,vfork,unshare \
    mkdirat unlinkat openat,openat2 sendto,sendmsg,connect flock,fcntl pwrite64,copy_file_range,write fchownat,fchown,utimensat,fsetxattr wait4,waitid,poll; do
    total=$(calls_of "$calls" "$TARE_BIN/tare" "${BUILD[@]}" --jobs 1 "$CTX") # else processes of its own do most
    forget
    for n in $(every_so_often "$total" 4); do
      rc=0; killed_at "$calls" "$n" "$TARE_BIN/tare" "${BUILD[@]}" --jobs 1 "$CTX" >/dev/null 2>&1 || rc=$?
      [ "$rc" = 0 ] || kills=$((kills + 1))
      next_build_works || { echo "after $calls #$n of $total"; return 1; }
    done
  done
  echo "# killed $kills times" >&3
  [ "$kills" -gt 20 ]
}

@test "tare-worker killed at each of its steps: one line says so" {
  local calls n rc kills=0 out
  for calls in read,pread64,readv write,writev,sendmsg openat,openat2 getdents64 clone3 statx,newfstatat mkdirat fchownat; do
    for n in 1 3 9 30; do
      rc=0; out=$(program_killed_at tare-worker "$calls" "$n" "${BUILD[@]}" "$CTX" 2>&1) || rc=$?
      [ "$rc" != 0 ] || break
      [ "$rc" = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] && [[ $out == *"Dockerfile: line "*"tare-worker was killed by signal 9"* ]] || { echo "$calls #$n: $rc $out"; return 1; }
      next_build_works || { echo "after $calls #$n"; return 1; }
      kills=$((kills + 1))
    done
    forget
  done
  echo "# killed $kills times" >&3
  [ "$kills" -gt 8 ]
}

# Not of one that adopts. strace follows it into both halves and the container: whichever comes to its nth call first is killed.
@test "a step's monitor killed at each of its steps: one line, and no container" {
  local calls n rc kills=0 out
  for calls in mount,move_mount,fsmount,mount_setattr,umount2 clone,clone3,vfork openat,openat2 read sendto,sendmsg poll,epoll_wait,epoll_pwait mkdirat \
    close wait4,waitid execve; do
    for n in 1 3 10 30; do
      rc=0; out=$(program_killed_at tare-monitor "$calls" "$n" "${BUILD[@]}" "$CTX" 2>&1) || rc=$?
      [ "$rc" = 0 ] || kills=$((kills + 1))
      [ "$rc" = 0 ] || { [ "$rc" = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] && [[ $out == "tare: Dockerfile: line "*": RUN "* ]]; } || { echo "$calls #$n: $rc $out"; return 1; }
      next_build_works || { echo "after $calls #$n: $out"; return 1; }
    done
  done
  echo "# killed $kills times" >&3
  [ "$kills" -gt 15 ]
}

# Of all processes: stages', workers, both halves of a monitor, commands; each that comes to its nth call is killed.
@test "all of a build's processes killed at each of their steps" {
  local calls n rc kills=0
  for calls in renameat,renameat2,linkat fsync,fdatasync,syncfs move_mount,mount_setattr,mount write,writev read openat2; do
    for n in $(every_so_often 60 3); do
      rc=0; timeout 60 strace -f -qq -o /dev/null -e trace="$calls" -e inject="$calls:signal=KILL:when=$n" "$TARE_BIN/tare" "${BUILD[@]}" "$CTX" \
        >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- || rc=$?
      [ "$rc" = 0 ] || kills=$((kills + 1))
      [ "$rc" != 124 ] || { echo "hangs after $calls #$n"; return 1; }
      next_build_works || { echo "after $calls #$n: $(cat "$BATS_TEST_TMPDIR/out")"; return 1; }
    done
  done
  echo "# killed $kills times" >&3
  [ "$kills" -gt 8 ]
}

@test "a disk that is full at each stage: one line, a consistent store, and with room the next build has the same digest" {
  local size failures=0
  tare save -o "$BATS_TEST_TMPDIR/base.tar" busybox
  for size in 4m 4400k 4800k 5200k 5600k 6m 6400k 7m 8m 10m 20m; do
    small_store "$size"
    if ! tare load -q -i "$BATS_TEST_TMPDIR/base.tar" >/dev/null 2>&1; then small_store_end; continue; fi
    echo "on a disk of $size:"
    # each store would have a default network of its own, and all of them one folder
    run tare "${BUILD[@]}" --network none "$CTX"
    if [ "$status" != 0 ]; then
      [ "$status" = 1 ]
      says_full
      failures=$((failures + 1))
    fi
    small_store_grows 64m
    store_consistent
    no_container
    tare "${BUILD[@]}" --network none "$CTX"
    same_image
    store_sound
    small_store_end
  done
  echo "# $failures failures" >&3
  [ "$failures" -gt 2 ]
}

@test "rmi, image prune, builder prune and system prune beside builds: each build ends with the same digest" {
  local i one rc
  while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do
    tare rmi t; tare image prune -af; tare builder prune -af; tare system prune -f
  done >"$BATS_TEST_TMPDIR/beside" 2>&1 3>&- &
  beside=$!
  for i in $(seq "${TARE_TEST_LONG:+3}"3); do
    tare load -q -i "$(busybox_archive)" >/dev/null # image prune -a takes the base
    tare "${BUILD[@]}" -t "other-$i" "$CTX" >"$BATS_TEST_TMPDIR/one" 2>&1 3>&- & one=$!
    run tare "${BUILD[@]}" --no-cache -t "this-$i" "$CTX"
    [ "$output" = "$IMAGE" ] || [[ "$status" != 0 && "$output" == *busybox* ]] || { echo "$output"; return 1; }
    rc=0; wait "$one" || rc=$?
    [ "$(cat "$BATS_TEST_TMPDIR/one")" = "$IMAGE" ] || { [ "$rc" != 0 ] && grep busybox "$BATS_TEST_TMPDIR/one"; } || { cat "$BATS_TEST_TMPDIR/one"; return 1; }
  done
  : >"$BATS_TEST_TMPDIR/stop"; wait "$beside" || true; beside=
  sed 's/sha256:[0-9a-f]*/ID/; s/[0-9.]*[kM]*B$/SIZE/; s/container [0-9a-f]*/container ID/' "$BATS_TEST_TMPDIR/beside" | sort | uniq -c | sort -rn >"$BATS_TEST_TMPDIR/kinds"
  cat "$BATS_TEST_TMPDIR/kinds"
  run ! grep -vE 'Untagged|Deleted|deleted|untagged|Total|no image|no such image|in use|is used|not found' "$BATS_TEST_TMPDIR/kinds"
  load_busybox
  forget
  next_build_works
}

# ends SIGNAL:STATUS LINE DOCKERFILE: a build whose process group, as a terminal's is, gets the signal soon after it has said LINE.
ends() {
  local pid rc=0 began
  echo "$3" >"$BATS_TEST_TMPDIR/slow/Dockerfile"
  setsid env --default-signal=INT,TERM,HUP "$TARE_BIN/tare" build "$BATS_TEST_TMPDIR/slow" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & pid=$!
  wait_until 20 grep -q "$2" "$BATS_TEST_TMPDIR/out"
  sleep 0.1
  began=$(date +%s%N)
  kill "-${1%:*}" -- "-$pid"
  wait "$pid" || rc=$?
  [ "$rc" = "${1#*:}" ] || { echo "$1: $rc"; cat "$BATS_TEST_TMPDIR/out"; return 1; }
  [ $(($(date +%s%N) - began)) -lt 1500000000 ] || { echo "late"; return 1; }
  wait_until 5 no_container
  [ "$(pgrep -g "$pid" | wc -l)" = 0 ] || { ps -g "$pid"; return 1; }
  next_build_works
}

@test "SIGINT, SIGTERM and SIGHUP end a build at once, in a RUN, a COPY and a layer; the next command finds nothing of it" {
  local signal
  mkdir "$BATS_TEST_TMPDIR/slow"
  head -c 60000000 /dev/urandom >"$BATS_TEST_TMPDIR/slow/f"
  for signal in INT:130 TERM:143 HUP:129; do
    ends "$signal" '^ready' $'FROM busybox\nRUN trap "" INT TERM HUP; echo ready; sleep 1000'
    ends "$signal" ' COPY f' $'FROM busybox\nCOPY f /f'
    ends "$signal" '^copied' $'FROM busybox\nRUN --mount=type=bind,target=/y cp /y/f /f; echo copied'
  done
}

@test "two builds of one folder at once, and three in one store that is empty" {
  local i pids=()
  for i in 1 2 3; do tare "${BUILD[@]}" -t "at-once-$i" "$CTX" >"$BATS_TEST_TMPDIR/$i" 2>&1 3>&- & pids+=($!); done
  for i in 1 2 3; do wait "${pids[$((i - 1))]}" || { cat "$BATS_TEST_TMPDIR/$i"; return 1; }; done
  for i in 1 2 3; do [ "$(digest "at-once-$i")" = "$DIGEST" ]; done
  tare rmi -f at-once-1 at-once-2 at-once-3 >/dev/null
  next_build_works
}
