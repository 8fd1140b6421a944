#!/usr/bin/env bats
# tare build: stages at the same time; how such a build fails, is cut short, and what it does once.
load ../lib/common
load ../lib/registry

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; tare builder prune -af >/dev/null; }

dockerfile() { cat >"$ctx/Dockerfile"; }
build() { tare build -t t "$@" "$ctx"; }
files() { tare run --rm t sh -c "$1"; }
background() { "$TARE_BIN/tare" build "$@" "$ctx" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & pid=$!; }
no_containers() { [ -z "$(tare ps -aq)" ]; }
nothing_left() {
  wait_until 10 no_containers
  tare system prune -f
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 ! -name '*.lock')" ]
  run -0 tare system check
}

# In a stage: says in a folder that all see that it is there, and waits for another.
meet() { echo "RUN --mount=type=cache,id=meet,target=/c touch /c/$1; n=0; until test -e /c/$2; do n=\$((n+1)); test \$n -lt ${3:-100} || exit 9; sleep 0.1; done"; }

@test "stages that need nothing of each other run at the same time" {
  { echo "FROM busybox AS a"; meet a b; echo "FROM busybox AS b"; meet b a
    echo "FROM busybox"; echo "COPY --from=a /etc/passwd /a"; echo "COPY --from=b /etc/passwd /b"; } | dockerfile
  run -0 build --jobs 2
  run -0 files 'ls /a /b'
  tare builder prune -af
  { echo "FROM busybox AS a"; meet a b 3; echo "FROM busybox AS b"; meet b a 3; echo "FROM a"; echo "COPY --from=b /etc/passwd /b"; } | dockerfile
  run -1 build --jobs 1
  [[ "$output" == *"Dockerfile: line 2: RUN --mount"*"exit code 9"* ]]
}

@test "a stage waits for another where it takes from it, not before" {
  { echo "FROM busybox AS a"; meet a final; echo "RUN echo of-a >/x"
    echo "FROM busybox"; meet final a; echo "ENV A=1"; echo "COPY --from=a /x /x"; echo "RUN cat /x >/y"; } | dockerfile
  run -0 build --jobs 2
  [ "$(files 'cat /y')" = of-a ]
  [ "$(tare inspect t | jq -c '.[0].Config.Env[1:]')" = '["A=1"]' ]
  run -0 build --jobs 2
  [ "$(grep -c 'using the cache' <<<"$output")" -eq 5 ]
}

@test "what they say: whole lines, and whose they are" {
  dockerfile <<'D'
FROM busybox AS a
RUN for i in 1 2 3 4 5 6 7 8; do printf 'begin-%s' a; sleep 0.05; echo -end; done
FROM busybox AS b
RUN for i in 1 2 3 4 5 6 7 8; do printf 'begin-%s' b; sleep 0.05; echo -end; done; printf 'no newline'
FROM a
COPY --from=b /etc/passwd /b
D
  run -0 build --jobs 2
  [ "$(grep -c '^\[a\] begin-a-end$' <<<"$output")" -eq 8 ]
  [ "$(grep -c '^\[b\] begin-b-end$' <<<"$output")" -eq 8 ]
  grep -q '^\[b\] no newline$' <<<"$output"
  run -0 build --jobs 2 --no-cache --progress json
  [ "$(grep '^{' <<<"$output" | jq -rj 'select(.stage == "b") | .output // empty' | grep -c '^begin-b-end$')" -eq 8 ]
  [ "$(grep '^{' <<<"$output" | jq -r 'select(.stage == "b" and .status == "done") | .number' | tr '\n' ' ')" = "1 2 " ]
}

@test "a stage that fails ends the others, and the message is its line" {
  printf 'FROM busybox AS a\nRUN exec sleep 1000\nFROM busybox AS b\nRUN sleep 1; echo reason; exit 3\nFROM a\nCOPY --from=b / /b\n' | dockerfile
  SECONDS=0
  run -1 build --jobs 2
  [ "$SECONDS" -lt 60 ]
  [ "$(tail -1 <<<"$output")" = "tare: Dockerfile: line 4: RUN sleep 1; echo reason; exit 3: the command ended with exit code 3: reason" ] ||
    [[ "$(tail -1 <<<"$output")" == *"Dockerfile: line 4: RUN sleep 1; echo reason; exit 3"*"exit code 3: reason" ]]
  no_containers
  nothing_left
}

@test "the build is killed or terminated: all of it ends" {
  printf 'FROM busybox AS a\nRUN echo ready; exec sleep 1000\nFROM busybox AS b\nRUN echo ready; exec sleep 1001\nFROM a\nCOPY --from=b / /b\n' | dockerfile
  for signal in KILL TERM; do
    background --jobs 2
    wait_until 20 bash -c "[ \$(grep -c '\] ready' '$BATS_TEST_TMPDIR/out') -eq 2 ]"
    children=$(pgrep -P "$pid")
    [ "$(wc -w <<<"$children")" -eq 2 ]
    kill -$signal "$pid"
    code=0; wait "$pid" || code=$?
    [ "$code" -gt 128 ]
    for child in $children; do wait_until 10 bash -c "! kill -0 $child 2>/dev/null"; done
    nothing_left
  done
}

@test "the process of a stage is killed: the build says so, and nothing is left" {
  printf 'FROM busybox AS a\nRUN echo ready; exec sleep 1000\nFROM busybox AS b\nRUN echo ready; exec sleep 1001\nFROM a\nCOPY --from=b / /b\n' | dockerfile
  background --jobs 2
  wait_until 20 bash -c "[ \$(grep -c '\] ready' '$BATS_TEST_TMPDIR/out') -eq 2 ]"
  kill -9 "$(pgrep -P "$pid" | head -1)"
  code=0; wait "$pid" || code=$?
  [ "$code" -eq 1 ]
  grep -q 'Dockerfile: the process of stage [ab] was killed' "$BATS_TEST_TMPDIR/out"
  nothing_left
}

@test "a step that two stages have is done once" {
  step='RUN --mount=type=cache,id=count,target=/c echo x >>/c/log; sleep 0.5; wc -l </c/log >/lines'
  printf 'FROM busybox AS a\n%s\nRUN echo a\nFROM busybox AS b\n%s\nFROM a\nCOPY --from=b /lines /of-b\n' "$step" "$step" | dockerfile
  run -0 build --jobs 2
  [ "$(files 'cat /lines /of-b' | tr '\n' ' ')" = "1 1 " ]
  grep -q 'waiting for who is at this step already' <<<"$output"
}

@test "of two builds at once each step is done by one" {
  step='RUN --mount=type=cache,id=count,target=/c echo x >>/c/log; sleep 0.5; wc -l </c/log >/lines'
  printf 'FROM busybox\n%s\nCOPY . /c2\n' "$step" | dockerfile
  background -t p1
  run -0 tare build -t p2 "$ctx"
  wait "$pid"
  [ "$(tare run --rm p1 cat /lines)" = 1 ]
  [ "$(tare run --rm p2 cat /lines)" = 1 ]
}

@test "a build that waits for another's step goes on when that is killed" {
  printf 'FROM busybox\nRUN --mount=type=cache,id=k,target=/c test -e /c/second || { touch /c/second; echo ready; exec sleep 1000; }\n' | dockerfile
  background -t p1
  first=$pid
  wait_until 20 grep -q '^ready' "$BATS_TEST_TMPDIR/out"
  "$TARE_BIN/tare" build -t p2 "$ctx" >"$BATS_TEST_TMPDIR/out2" 2>&1 3>&- &
  second=$!
  wait_until 20 grep -q 'waiting for who' "$BATS_TEST_TMPDIR/out2"
  kill -9 "$first"
  wait "$second"
  nothing_left
}

@test "--no-cache: every stage anew, at the same time, too" {
  printf 'FROM busybox AS a\nRUN cat /proc/sys/kernel/random/uuid >/a\nFROM busybox AS b\nRUN cat /proc/sys/kernel/random/uuid >/b\nFROM a\nCOPY --from=b /b /b\n' | dockerfile
  run -0 build --jobs 2
  one=$(files 'cat /a /b')
  run -0 build --jobs 2 --no-cache
  run -1 grep 'using the cache' <<<"$output"
  two=$(files 'cat /a /b')
  [ "$(printf '%s\n%s\n' "$one" "$two" | sort -u | wc -l)" -eq 4 ]
}

@test "triggers, build arguments and variables go from stage to stage as they do one after the other" {
  dockerfile <<'D'
ARG V=global
FROM busybox AS base
ONBUILD RUN echo "$W" >/trigger
ARG V
ENV W=$V-of-base
WORKDIR /w
FROM base AS a
ARG V=own
RUN echo "$V $W" >a
FROM base AS b
ENV W=other
RUN echo "$W" >b
FROM b
COPY --from=a /w/a /trigger ./
RUN echo "$W $PWD" >c
D
  run -0 build --jobs 4 --build-arg V=given
  [ "$(files 'cat a b c trigger /trigger' | tr '\n' '|')" = "given given-of-base|other|other /w|given-of-base|given-of-base|" ]
  one=$(tare inspect t | jq -r '.[0].Id')
  tare builder prune -af
  run -0 build --jobs 1 --build-arg V=given
  [ "$(tare inspect t | jq -r '.[0].Id')" = "$one" ]
}

@test "an ONBUILD that takes from a stage nobody planned for" {
  printf 'FROM busybox AS other\nRUN echo x >/x\nFROM busybox AS base\nONBUILD COPY --from=other /x /y\nFROM base\nRUN true\n' | dockerfile
  for jobs in 1 2; do
    run -1 build --jobs $jobs
    [[ "$output" == *"line 5: FROM base: ONBUILD COPY --from=other /x /y: --from=other: ONBUILD cannot take from a stage that nothing else here needs"* ]]
  done
  echo 'COPY --from=other /x /z' >>"$ctx/Dockerfile"
  run -0 build --jobs 2
  [ "$(files 'cat /y /z' | tr '\n' ' ')" = "x x " ]
}

@test "the build or one of its processes is killed at any instant: nothing is left, nothing is broken" {
  head -c 2000000 /dev/urandom >"$ctx/f"
  dockerfile <<'D'
FROM busybox AS a
COPY f /f
RUN cp /f /g && rm /etc/group
FROM busybox AS b
RUN echo b >/b
COPY f /f
FROM a
WORKDIR /w
COPY --from=b /b /f /of-b/
RUN cmp /f /of-b/f
D
  for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
    background --no-cache --jobs 3 -t killed
    sleep "0.$(printf %02d $((round * 4)))"
    victim=$pid
    [ $((round % 2)) -eq 0 ] || victim=$(pgrep -P "$pid" | tail -1)
    kill -9 ${victim:-$pid} 2>/dev/null || true
    code=0; wait "$pid" || code=$?
    # who was killed in the middle is told by name
    [ "$code" -ne 1 ] || grep -Eq '^tare: Dockerfile: (the process of stage [^ ]+ was killed|line )' "$BATS_TEST_TMPDIR/out" ||
      { cat "$BATS_TEST_TMPDIR/out" >&2; return 1; }
  done
  nothing_left
  run -0 build --jobs 3
  [ "$(files 'cmp /f /g && cat /of-b/b')" = b ]
  for b in "$TARE_ROOT"/content/blobs/sha256/*; do [ "$(sha256sum <"$b" | cut -d' ' -f1)" = "${b##*/}" ]; done
  for l in "$TARE_ROOT"/layers/*; do [ -e "$l/info.json" ] && [ -d "$l/fs" ]; done
}

@test "images that stages take from are fetched once, and how much is here is told" {
  registry_start
  registry_put base:1 "$(busybox_archive)" >/dev/null
  registry_image other:1 700000 >/dev/null
  registry_fault slow GET /blobs/ rate=600000 times=0
  name=$(registry)/other:1 base=$(registry)/base:1
  { echo "FROM $base AS a"; echo "RUN echo a >/a"; echo "COPY --from=$name / /other"
    echo "FROM $base AS b"; echo "RUN echo b >/b"; echo "COPY --from=$name / /other"
    echo "FROM a"; echo "COPY --from=b /b /b"; } | dockerfile
  run -0 build --jobs 2 --progress json
  sizes=$(grep '^{' <<<"$output" | jq -r 'select(.progress != null) | .progress')
  grep -Eq "^pulling $name: [0-9.]+[kM]?B of [0-9.]+[kM]B$" <<<"$sizes"
  [ "$(registry_count GET /other/blobs/ '.sent > 600000')" = 1 ]
  [ "$(files 'cat /a /b' | tr '\n' ' ')" = "a b " ]
  tare rmi -f t "$base" "$name" >/dev/null; tare builder prune -af >/dev/null; tare system prune -af >/dev/null
  load_busybox
  run -0 build --jobs 2
  [ "$(grep -c "pulling" <<<"$output")" -ge 2 ]
  [ "$(grep -c " of " <<<"$output")" = 0 ]
  registry_stop
}
