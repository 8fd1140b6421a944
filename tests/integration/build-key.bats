#!/usr/bin/env bats
# tare build: whatever changes what a step gives is a part of its key: each flag, option and setting alone makes another step of it.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; tare builder prune -af >/dev/null; }

# given DOCKERFILE OPTION…: how many of its steps came from the cache. One layer each, so that 0 is "this step is another one".
given() {
  printf 'FROM busybox\n%b\n' "$1" >"$ctx/Dockerfile"
  run tare build "${@:2}" "$ctx"
  [ "$status" = 0 ] || { echo "$1: $output"; return 1; }
  cached=$(grep -c 'using the cache' <<<"$output" || true)
}
# other BEFORE AFTER: the second is not taken for the first, and both are found again.
other() {
  given "$1"; given "$2"
  [ "$cached" = 0 ] || { echo "taken for each other: $1 | $2"; return 1; }
  given "$1"; [ "$cached" = 1 ]
  given "$2"; [ "$cached" = 1 ]
}

@test "COPY, ADD and WORKDIR: owner, mode, place, what is unpacked, names of texts" {
  local one two
  mkdir "$ctx/d"; echo 1 >"$ctx/f"; echo 1 >"$ctx/d/f"; tar -C "$ctx" -cf "$ctx/t.tar" f
  while IFS='|' read -r one two; do
    other "$one" "$two"
  done <<'T'
COPY f /x1|COPY --chown=5:6 f /x1
COPY --chown=5:7 f /x1|COPY --chown=5:8 f /x1
COPY f /x2|COPY --chmod=600 f /x2
COPY f /x3|COPY f /x3/
COPY f /x4|COPY f /x5
COPY d/f /x6/|COPY --parents d/f /x6/
COPY f /x7|ADD f /x7
ADD t.tar /x8/|ADD --unpack=false t.tar /x8/
COPY <<a /x9/\n1\na|COPY <<b /x9/\n1\nb
COPY <<a /x10\n1\na|COPY <<a /x10\n2\na
USER 5\nWORKDIR /w|USER 6\nWORKDIR /w
WORKDIR /w1|WORKDIR /w2
T
}

@test "RUN: who, where, with what around it, how confined" {
  local one two
  while IFS='|' read -r one two; do
    other "$one" "$two"
  done <<'T'
USER 5\nRUN true|USER 6\nRUN true
WORKDIR /\nRUN pwd|WORKDIR /bin\nRUN pwd
ENV A=1\nRUN env|ENV A=2\nRUN env
RUN true one|SHELL ["/bin/sh", "-ec"]\nRUN true one
RUN true two|RUN --network=none true two
RUN --mount=type=tmpfs,target=/a true|RUN --mount=type=tmpfs,target=/b true
T
  given 'RUN true three'
  given 'RUN --security=insecure true three' --allow security.insecure
  [ "$cached" = 0 ]
}

@test "options of the command line that a RUN sees" {
  local option
  given 'RUN true'
  for option in --network=none --add-host=there:10.9.8.7 --ulimit=nofile=77:77 --shm-size=3m --security-opt=no-new-privileges; do
    given 'RUN true' "$option"
    [ "$cached" = 0 ] || { echo "$option: $output"; return 1; }
    given 'RUN true' "$option"
    [ "$cached" = 1 ]
  done
}

@test "SOURCE_DATE_EPOCH, where it comes into what a step gives" {
  local step
  echo 1 >"$ctx/f"
  for step in 'COPY f /f' 'RUN echo 1 >/r' 'WORKDIR /w'; do
    given "$step"
    SOURCE_DATE_EPOCH=1000000000 given "$step"; [ "$cached" = 0 ] || { echo "$step"; return 1; }
    SOURCE_DATE_EPOCH=1000000001 given "$step"; [ "$cached" = 0 ]
    SOURCE_DATE_EPOCH=1000000001 given "$step"; [ "$cached" = 1 ]
  done
}
