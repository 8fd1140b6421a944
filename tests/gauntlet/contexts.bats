#!/usr/bin/env bats
# Build contexts that are odd, huge, or change while they are read: nothing from outside gets into an image, nothing that is not what the
# cache says stays in it, nobody waits for ever, and what cannot be done is told in one line.
load ../lib/common

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS
  load_busybox
}
teardown_file() { tare_teardown_file; }
setup() {
  ctx=$BATS_TEST_TMPDIR/ctx out_there=$BATS_TEST_TMPDIR/out-there
  mkdir -p "$ctx" "$out_there"
  echo "not of the context" >"$out_there/secret"
}
teardown() { quiet; }

dockerfile() { cat >"$ctx/Dockerfile"; }
build() { run timeout 60 "$TARE_BIN/tare" build -q -t t "$@" "$ctx"; }
files() { tare run --rm --network none --entrypoint /bin/sh t -c "$1"; }
# The last build failed, in one line that fits.
refused() { [ "$status" = 1 ] && [ "${#lines[@]}" = 1 ] && [[ "$output" =~ $1 ]] || { echo "$status, not $1: $output"; return 1; }; }
built() { [ "$status" = 0 ] || { echo "$status: $output"; return 1; }; }
nothing_stolen() { run ! grep -rlF "not of the context" "$TARE_ROOT"; }

# changing WHAT PATH…: beside what follows, until it is quiet.
changing() { /usr/bin/python3 "$TARE_TESTS/lib/changing.py" "$@" 3>&- 2>"$BATS_TEST_TMPDIR/changer" & changer=$!; }
quiet() { [ -z "${changer:-}" ] || { kill "$changer" && wait "$changer" || true; }; changer=; }

@test "FIFOs are copied and never read, devices are copied; a whiteout, a socket are refused" {
  mkfifo "$ctx/fifo"; mknod "$ctx/null" c 1 3; mknod "$ctx/block" b 7 200
  printf 'FROM busybox\nADD fifo /d/\nCOPY . /c\n' | dockerfile
  build; built
  [ "$(files 'stat -c %F /c/fifo /c/null /c/block /d/fifo' | tr '\n' ,)" = "fifo,character special file,block special file,fifo," ]
  mknod "$ctx/white" c 0 0
  build; refused 'Dockerfile: line 3: COPY \. /c: white: '
  rm "$ctx/white"
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$ctx/sock"
  build; refused 'Dockerfile: line 3: COPY \. /c: sock: it is a socket'
  printf 'FROM busybox\nCOPY sock /\n' | dockerfile
  build; refused 'line 2: COPY sock /: sock is a socket'
}

@test "what layers mean by names of their own is no file's name" {
  mkdir "$ctx/d"; touch "$ctx/d/.wh.passwd"
  printf 'FROM busybox\nCOPY d /etc\n' | dockerfile
  build; refused "line 2: COPY d /etc: .*\.wh\.passwd.*whiteout"
  printf 'FROM busybox\nRUN touch /etc/.wh..wh..opq\n' | dockerfile
  build; refused "line 2: RUN .*\.wh\.\.wh\.\.opq.*whiteout"
}

@test "a Dockerfile and a .dockerignore that are none: FIFOs, devices, folders, links out of the context" {
  local name
  printf 'FROM scratch\nENV A=1\n' >"$out_there/secret"
  for name in Dockerfile .dockerignore; do
    printf 'FROM scratch\nENV A=1\n' | dockerfile
    rm -f "$ctx/$name"; mkfifo "$ctx/$name"; build; refused "$name"
    rm -f "$ctx/$name"; ln -s /dev/zero "$ctx/$name"; build; refused "$name"
    rm -f "$ctx/$name"; mknod "$ctx/$name" c 1 5; build; refused "$name"
    rm -f "$ctx/$name"; mkdir "$ctx/$name"; build; refused "$name"; rmdir "$ctx/$name"
    ln -s "$name" "$ctx/$name"; build; refused "$name"; rm -f "$ctx/$name"
  done
  # what -f names is the caller's
  run -0 "$TARE_BIN/tare" build -q -f <(printf 'FROM scratch\nENV A=1\n') "$ctx"
  run -0 "$TARE_BIN/tare" build -q -f "$out_there/secret" "$ctx"
  # of a tar of somebody else's, a link that leads out leads nowhere
  ln -sf "$out_there/secret" "$ctx/Dockerfile"
  tar -C "$ctx" -cf "$BATS_TEST_TMPDIR/c.tar" .
  run -1 "$TARE_BIN/tare" build -q - <"$BATS_TEST_TMPDIR/c.tar"
  [[ "$output" == *Dockerfile* && "$output" != *"line 1"* ]]
  run -1 "$TARE_BIN/tare" build -q -f Dockerfile - <"$BATS_TEST_TMPDIR/c.tar"
  [[ "$output" == *Dockerfile* && "$output" != *"line 1"* ]]
}

@test "links out of the context: absolute, upwards, through folders that are links" {
  local source
  ln -s "$out_there" "$ctx/folder"; ln -s ../out-there "$ctx/up"; ln -s "$out_there/secret" "$ctx/file"
  mkdir "$ctx/d"; ln -s ../../out-there/secret "$ctx/d/file"; ln -s .. "$ctx/d/above"; ln -s /proc/self/cwd "$ctx/d/magic"; ln -s loop "$ctx/loop"
  for source in folder/secret up/secret file d/file d/above/up/secret d/magic/secret loop folder/s* 'd/above/*/secret' ../out-there/secret; do
    printf 'FROM busybox\nCOPY %s /x\nRUN --mount=type=bind,source=%s,target=/y cat /y\n' "$source" "$source" | dockerfile
    build; refused "line 2: COPY .*(no such file|no file fits it|is a link that leads to nothing)"
    printf 'FROM busybox\nADD %s /x\n' "$source" | dockerfile
    build; refused "line 2: ADD .*(no such file|no file fits it|is a link that leads to nothing)"
    printf 'FROM busybox\nRUN --mount=type=bind,source=%s,target=/y cat /y\n' "$source" | dockerfile
    build; refused "line 2: RUN .*(no such file|no file fits it|is a link that leads to nothing)"
  done
  printf 'FROM busybox\nCOPY . /c\n' | dockerfile
  build; built
  [ "$(files 'for l in folder up d/magic; do readlink /c/$l; done' | tr '\n' ,)" = "$out_there,../out-there,/proc/self/cwd," ]
  nothing_stolen
}

@test "a folder and a link out of the context that change places while they are read" {
  local i
  mkdir -p "$ctx/d/e"; echo of the context >"$ctx/d/secret"; echo of the context >"$ctx/d/e/secret"; ln -s "$out_there" "$BATS_TEST_TMPDIR/link"
  printf 'FROM busybox\nCOPY d /d\nCOPY d/secret /s\nRUN --mount=type=bind,source=d,target=/y cat /y/secret\n' | dockerfile
  changing exchange "$ctx/d" "$BATS_TEST_TMPDIR/link"
  for i in $(seq "${TARE_TEST_LONG:+10}20"); do
    build --no-cache
    [ "$status" = 0 ] || refused "Dockerfile: line [234]: "
  done
  quiet
  [ ! -s "$BATS_TEST_TMPDIR/changer" ] # it did
  nothing_stolen
}

@test "files that grow, shrink, come and go while they are read: built, or one line that says what is not there" {
  local i what
  printf 'FROM busybox\nCOPY . /c\nRUN --mount=type=bind,target=/y true\n' | dockerfile
  mkdir "$ctx/d"; head -c 300000 /dev/urandom >"$ctx/d/other"
  for what in grow come-go; do
    changing "$what" "$ctx/d/changing"
    for i in $(seq "${TARE_TEST_LONG:+10}8"); do
      build --no-cache
      [ "$status" = 0 ] || refused "Dockerfile: line [23]: .*No such file"
    done
    quiet
    rm -rf "$ctx/d/changing"
  done
  build; built
}

# A step's key is made before its files are copied: what is kept under it must be what it stands for.
@test "the cache never has under a file's digest what the file was a moment later" {
  local i kind
  head -c 2000000 /dev/zero | tr '\0' A >"$ctx/f"
  for kind in 'COPY f /f' 'RUN --mount=type=bind,target=/y cp /y/f /f' 'ADD --unpack=false f /f'; do
    printf 'FROM busybox\n%s\n' "$kind" | dockerfile
    changing flip "$ctx/f"
    for i in $(seq "${TARE_TEST_LONG:+10}15"); do
      build
      built
    done
    quiet
    for i in A B; do
      head -c 2000000 /dev/zero | tr '\0' "$i" >"$ctx/f"
      build; built
      [ "$(files "tr -d $i </f | wc -c")" = 0 ] || { echo "$kind: not all $i"; return 1; }
    done
  done
}

@test "names with line feeds, quotes, controls and bytes that are no UTF-8" {
  local hard
  hard=$(printf 'n\nl\x1b[31m"\x27\\ \xff\xfe*?[')
  mkdir "$ctx/d"; mkdir "$ctx/d/$hard"; echo hard >"$ctx/d/$hard/$hard"; ln -s "$hard" "$ctx/d/link"; printf soft >"$ctx/d/ "; touch "$ctx/d/-rf"
  printf 'FROM busybox\nCOPY d /d\nCOPY d/* /e/\n' | dockerfile
  build; built
  [ "$(files 'cat /d/link/n*')" = hard ]
  tare save -o "$BATS_TEST_TMPDIR/i.tar" t
  tare rmi t >/dev/null
  tare builder prune -af >/dev/null
  tare load -q -i "$BATS_TEST_TMPDIR/i.tar" >/dev/null
  tare image verify -q t
  [ "$(files 'cat /e/n*; cat /d/n*/n*; find /d -maxdepth 1 -print0 | tr -dc "\0" | wc -c' | tr '\n' ,)" = "hard,hard,5," ] || { files 'ls /d /e'; return 1; }
  python3 -c 'import os, socket, sys; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind(b"s\x1b[31m\n\xff")' "$ctx/d"
  build; [ "$status" = 1 ] && [ "${#lines[@]}" = 1 ]
  [ -z "$(LC_ALL=C grep -aP '[\x00-\x08\x0b-\x1f\x7f-\xff]' <<<"${output//…/}")" ]
}

@test "a hundred thousand files, 5,000 folders within each other, a name as long as they get" {
  local n=${TARE_TEST_LONG:+100000} long began
  n=${n:-20000}
  python3 -c 'import os, sys
os.chdir(sys.argv[1])
for i in range(int(sys.argv[2])):
    if i % 1000 == 0:
        os.mkdir("m%d" % i)
    open("m%d/%d" % (i // 1000 * 1000, i), "w").close()' "$ctx" "$n"
  printf 'FROM busybox\nCOPY . /c\n' | dockerfile
  build; built
  [ "$(files 'find /c -type f | wc -l')" = $((n + 1)) ]
  rm -rf "$ctx"/m*
  python3 -c 'import os, sys
os.chdir(sys.argv[1])
for i in range(5000):
    os.mkdir("d"); os.chdir("d")' "$ctx"
  began=$(date +%s)
  build; refused 'line 2: COPY \. /c: d: it is more than [0-9]+ folders deep'
  printf 'FROM busybox\nRUN --mount=type=bind,target=/y true\n' | dockerfile
  build; refused 'line 2: RUN .*more than [0-9]+ folders deep'
  printf 'FROM busybox\nCOPY **/x /c/\n' | dockerfile
  build; refused 'line 2: COPY .*no file fits it'
  printf 'FROM busybox\nCOPY . /c/\n' | dockerfile
  printf '*\n!**/x\n' >"$ctx/.dockerignore"
  build; [ "$status" = 0 ] || refused 'more than'
  [ $(($(date +%s) - began)) -lt 20 ]
  printf 'd\n' >"$ctx/.dockerignore"
  long=$(head -c 255 /dev/zero | tr '\0' n); touch "$ctx/$long"
  build; built
  files "test -e /c/$long"
}
