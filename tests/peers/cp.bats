#!/usr/bin/env bats
# The same cp by docker and by tare: the same success or failure, the same files in the container and on the machine. Owners are told
# apart elsewhere (docs/dockerfile.md: ours are those that docker's documentation promises).

load ../lib/common
load ../lib/docker

setup_file() {
  tare_setup_file
  load_busybox
  start_dockerd
  [ -z "$NO_DOCKERD" ] || return 0
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$BATS_FILE_TMPDIR/busybox.tar:busybox:latest"
  peer_docker load -q -i "$BATS_FILE_TMPDIR/busybox.tar"
  peer_docker run -d --name box --network none busybox sleep 100000 >/dev/null
  tare run -d --name box --network none busybox sleep 100000 >/dev/null
}
setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }
teardown_file() {
  tare rm -f box >/dev/null 2>&1 || true
  stop_dockerd
  unmount_peers
  tare_teardown_file
}

LIST='find . -mindepth 1 | sort | while read -r f; do
  if [ -L "$f" ]; then echo "$f -> $(readlink "$f")"; elif [ -d "$f" ]; then echo "$f/ $(stat -c %a "$f")"
  else echo "$f $(stat -c "%a %h %Y" "$f") $(cat "$f" 2>/dev/null)"; fi; done'
REMOTE='rm -rf /w; mkdir -p /w/dir/in /w/full/f /w/deep; cd /w; echo 1 >file; chmod 640 file; ln -s dir to-dir; ln -s file to-file; ln -s nowhere dangling
  ln -s /w/dir abs; echo in >dir/in/x; ln dir/in/x dir/in/y; chmod 750 dir; touch -d @1000000 file dir/in/x'

# side NAME PROGRAM: one case, as that program does it
side() {
  local who=$1 rc=0 here=$BATS_TEST_TMPDIR/$1; shift
  rm -rf "$here"; mkdir -p "$here/sub/in" "$here/there" "$here/full/file"
  "$who" exec box sh -c "$REMOTE"
  (
    cd "$here" || exit
    echo f >f; chmod 600 f; ln -s f l; ln -s sub ls; echo deep >sub/in/g; ln -s in sub/li; ln f sub/hard; echo old >there/file; ln -s missing dang
    touch -d @1000000 f sub/in/g there/file; tar -c f sub >t.tar
    if [ "$IN" ]; then "$who" cp "$@" <"$IN"; else "$who" cp "$@"; fi
  ) >"$BATS_TEST_TMPDIR/$who.out" 2>"$BATS_TEST_TMPDIR/$who.err" || rc=1
  {
    echo "exit code $rc"
    [ -z "$TAR" ] || tar -tv --numeric-owner <"$BATS_TEST_TMPDIR/$who.out" | awk '{ print $1, $2, $6, $7, $8 }'
    (cd "$here" && rm -f t.tar && eval "$LIST")
    "$who" exec box sh -c "cd /w; $LIST"
  } >"$BATS_TEST_TMPDIR/$who.all" 2>&1
}
# same SRC DST [OPTION...]
same() {
  side peer_docker "${@:3}" "$1" "$2"
  side tare "${@:3}" "$1" "$2"
  diff -u "$BATS_TEST_TMPDIR/peer_docker.all" "$BATS_TEST_TMPDIR/tare.all" || { echo "cp $*"; cat "$BATS_TEST_TMPDIR"/*.err; BAD+=" ($*)"; }
}

@test "into a container" {
  local BAD='' IN='' TAR='' to from
  for from in f sub sub/. l ls/ nope f/; do
    for to in /w/dir /w/new /w/new/ /w/no/new /w/file /w/file/ /w/to-dir /w/to-file w/dir/../new; do same "$from" "box:$to"; done
  done
  [ -z "$BAD" ]
}
@test "out of a container" {
  local BAD='' IN='' TAR='' to from
  for from in /w/file /w/dir /w/dir/. /w/to-dir /w/to-dir/ /w/dangling /w/nope /w/file/; do
    for to in there new new/ no/new f f/ ls l; do same "box:$from" "$to"; done
  done
  [ -z "$BAD" ]
}
@test "links followed" {
  local BAD='' IN='' TAR=''
  same l box:/w/new -L
  same ls box:/w/new -L
  same l box:/w/dir -L
  same box:/w/to-file new -L
  same box:/w/to-dir new -L
  same box:/w/abs there -L
  same box:/w/dangling new -L
  [ -z "$BAD" ]
}
@test "tars" {
  local BAD='' IN='' TAR=1 f
  for f in /w/file /w/dir /w/dir/ /w/dir/. /w/to-dir /w/to-file /w/to-dir/; do same "box:$f" -; done
  same box:/w/to-file - -L
  TAR=
  IN=t.tar
  for f in /w /w/dir /w/dir/ /w/to-dir /w/new /w/file; do same - "box:$f"; done
  [ -z "$BAD" ]
}
