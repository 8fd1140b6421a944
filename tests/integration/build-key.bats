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

@test "what stands in a folder is not taken for what an attribute of it says" {
  mkdir -p "$ctx/files" "$ctx/said"
  mount -t tmpfs tmpfs "$ctx/said"
  # a file user.a and links behind it; the other folder has an attribute user.a whose value is what their digests are made of
  python3 - "$ctx/files" "$ctx/said" <<'P' || { umount "$ctx/said"; skip "no attributes of 33 KiB here"; }
import hashlib, os, sys
def text(s): return b"s%d:%s" % (len(s), s)
def number(n): return b"n%d:%d" % (len(str(n)), n)
files, said = sys.argv[1:]
os.close(os.open(files + "/user.a", os.O_CREAT | os.O_WRONLY))
os.chmod(files + "/user.a", 0o644)
own = text(b"tare-build-1") + text(b"file") + b"-0:" + number(0)
value = text(hashlib.sha256(own).hexdigest().encode())
n = 0
while len(value) < 0o100644:
    head = text(b"user.l%c" % (65 + n)) + number(0o120777)
    room = 0o100644 - len(value) - len(head)
    size = min(room - 6, 3000) if room < 3020 or room > 3200 else 2000
    if room <= 1010: size = room - len("s%d:" % (room - 5))
    value += head + text(b"x" * size)
    os.symlink("x" * size, files + "/user.l%c" % (65 + n))
    n += 1
assert len(value) == 0o100644, len(value)
os.chmod(said, os.stat(files).st_mode & 0o7777)
os.setxattr(said, "user.a", value)
P
  given 'COPY files /x'
  mv "$ctx/files" "$ctx/was"; mkdir "$ctx/files"; mount --move "$ctx/said" "$ctx/files"
  given 'COPY files /x'
  umount "$ctx/files"
  [ "$cached" = 0 ]
}
