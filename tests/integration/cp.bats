#!/usr/bin/env bats
# tare cp: files out of a container and into it, running or not; what is mounted in it is seen; no link leads out.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() {
  cd "$BATS_TEST_TMPDIR"
  mkdir -p src/sub vol
  echo hi >src/f; echo deep >src/sub/g; chmod 640 src/f; chmod 750 src; ln -s f src/l; chown 1000:1001 src/f; ln src/f src/hard
  touch -d @1000000 src/f src/sub
}
teardown() { tare rm -f box >/dev/null 2>&1 || true; }
# box [OPTION...]: a container that runs
box() { tare run -d --name box --network none "$@" busybox sleep 1000 >/dev/null; }
in_box() { tare exec box "$@"; }
# what FILE...: mode, owner, time
what() { stat -c '%a %u:%g %Y' "$@"; }
# both STATE: the container runs, or does not
both() { box "${@:2}"; [ "$1" = running ] || tare stop -t 0 box >/dev/null; }

copies_into() {
  both "$@"
  tare cp src/f box:/tmp/f
  tare cp -a src/f box:/tmp/kept
  tare cp src box:/tmp/new
  tare cp src box:/tmp
  tare cp src/. box:/tmp/
  tare cp -L src/l box:/tmp/followed
  tare cp src/l box:/tmp/link
  tar -C src -c f | tare cp - box:/root
  tare start box >/dev/null
  [ "$(in_box stat -c '%a %u:%g %Y' /tmp/f)" = "640 0:0 1000000" ]
  [ "$(in_box stat -c '%a %u:%g %Y' /tmp/kept)" = "640 1000:1001 1000000" ]
  [ "$(in_box stat -c '%a %u:%g' /tmp/new)" = "750 0:0" ]
  [ "$(in_box stat -c '%a %u:%g' /tmp)" = "1777 0:0" ]
  [ "$(in_box sh -c 'cat /tmp/new/sub/g /tmp/src/f /tmp/sub/g /tmp/l /tmp/followed; readlink /tmp/link' | xargs)" = "deep hi deep hi hi f" ]
  [ "$(in_box stat -c %Y /tmp/src/sub)" = 1000000 ]
  [ "$(in_box stat -c %h /tmp/new/hard)" = 2 ]
  [ "$(in_box stat -c %u:%g /root/f)" = "1000:1001" ]
}
@test "a tar that does not come keeps nobody from the container" {
  local pid
  tare create --name stalled busybox true
  mkfifo "$BATS_TEST_TMPDIR/pipe"
  "$TARE_BIN/tare" cp - stalled:/tmp <"$BATS_TEST_TMPDIR/pipe" 3>&- &
  pid=$!
  exec 7>"$BATS_TEST_TMPDIR/pipe"
  sleep 0.5
  mkdir "$BATS_TEST_TMPDIR/in"; echo hello >"$BATS_TEST_TMPDIR/in/file"; touch -d @0 "$BATS_TEST_TMPDIR/in/file"
  timeout 10 "$TARE_BIN/tare" start stalled
  timeout 10 "$TARE_BIN/tare" wait stalled
  timeout 10 "$TARE_BIN/tare" cp "$BATS_TEST_TMPDIR/in/file" stalled:/tmp/other
  tar -C "$BATS_TEST_TMPDIR/in" -c . >&7
  exec 7>&-
  wait "$pid"
  [ "$(tare cp stalled:/tmp/file - | tar -xO)" = hello ]
  # times, also the first there is
  [ "$(tare cp stalled:/tmp/file - | tar -tv --full-time | awk '{ print $4 }')" = 1970-01-01 ]
  # what cannot be is said before anything is read
  run -1 timeout 5 "$TARE_BIN/tare" cp - stalled:/nowhere < <(sleep 10)
  run -1 timeout 5 "$TARE_BIN/tare" cp - nobody:/tmp < <(sleep 10)
  tare rm -f stalled
}

@test "docker's events: archive-path and extract-to-dir" {
  box
  tare cp src/f box:/tmp
  tare cp box:/tmp/f out
  run -1 tare cp box:/nope out
  [ "$(tare events --since 1h --until 0s --filter container=box --format '{{.Action}}' | grep -- - | xargs)" = "extract-to-dir archive-path" ]
}
@test "into a container that runs: a file, a folder, what is in it, links, a tar; root's, or with -a whose it was" { copies_into running; }
@test "into one that does not" { copies_into stopped; }
@test "into one in the machine's own user namespace" { copies_into running --userns host; }

copies_out() {
  both "$1" -v "$PWD/vol:/data" "${@:2}"
  tare start box >/dev/null
  in_box sh -c 'mkdir -p /d/sub; echo 1 >/d/one; chown 7:8 /d/one; chmod 4711 /d/one; ln -s one /d/l; ln -s /d /dd; mkfifo /d/p; mkdir /e; echo v >/data/v; touch -d @1000000 /d/one'
  [ "$1" = running ] || tare stop -t 0 box >/dev/null
  tare cp box:/d new 2>said
  [[ "$(cat said)" == *"1 devices or pipes were left out"* ]]
  [ "$(what new/one)" = "711 0:0 1000000" ]
  [ "$(readlink new/l)" = one ]
  [ ! -e new/p ]
  tare cp -a box:/d kept
  [ "$(what kept/one)" = "4711 7:8 1000000" ]
  [ -p kept/p ]
  mkdir there
  tare cp box:/d/one there/
  tare cp box:/d/. there
  tare cp box:/dd there 2>/dev/null
  tare cp -L box:/dd/l followed
  tare cp box:/dd/ by-slash 2>/dev/null
  tare cp box:/data/v v
  tare cp box:e . # relative to the root
  [ "$(cat there/one there/l followed by-slash/one v)" = "$(printf '1\n1\n1\n1\nv')" ]
  [ "$(readlink there/dd)" = /d ]
  [ -d e ]
  [ "$(tare cp box:/d - | tar -tv --numeric-owner | awk '{ print $1, $2, $6 }' | xargs)" = \
    "drwxr-xr-x 0/0 d/ lrwxrwxrwx 0/0 d/l -rws--x--x 7/8 d/one prw-r--r-- 0/0 d/p drwxr-xr-x 0/0 d/sub/" ]
  [ "$(tare cp box:/d/. - | tar -t | xargs)" = "./ ./l ./one ./p ./sub/" ]
  [ "$(tare cp box:/d/one - | tar -xO)" = 1 ]
  [ "$(tare cp -L box:/dd/l - | tar -t)" = one ]
}
@test "out of a container that runs: yours, or with -a whose it was; a tar of what it has" { copies_out running; }
@test "out of one that does not, its folders and volumes with it" { copies_out stopped; }
@test "out of one in the machine's own user namespace" { copies_out running --userns host; }

@test "what is mounted is seen: folders, volumes, file systems in memory; what is read-only takes nothing" {
  mkdir ro
  box -v "$PWD/vol:/data" -v "$PWD/ro:/ro:ro" -v /anon --tmpfs /t --read-only
  tare cp src/f box:/data/f
  [ "$(cat vol/f)" = hi ]
  tare cp src box:/t
  tare cp src/f box:/anon/
  [ "$(in_box cat /t/src/sub/g /anon/f | xargs)" = "deep hi" ]
  tare cp box:/t/src/f t
  [ "$(cat t)" = hi ]
  run -1 tare cp src/f box:/etc/
  [ "$output" = "tare: /etc/ of container box is read-only there" ]
  run -1 tare cp src/f box:/ro/f
  [[ "$output" == *"read-only"* ]]
  tare stop -t 0 box >/dev/null
  run -1 tare cp src/f box:/etc/f
  [[ "$output" == *"read-only"* ]]
  run -1 tare cp src/f box:/ro/f
  [[ "$output" == *"read-only"* ]]
  tare cp src/f box:/anon/later
  tare cp src/f box:/data/later
  [ "$(cat vol/later)" = hi ]
  tare start box >/dev/null
  [ "$(in_box cat /anon/later)" = hi ]
  [ -z "$(ls -A ro)" ]
}

@test "no room for it: told of where it was to go" {
  box --tmpfs /t:size=64k
  head -c 1000000 /dev/zero >big
  run -1 tare cp big box:/t/
  [[ "$output" == *"the file system of /t/ of container box is full" && "${#lines[@]}" = 1 ]]
  run -1 tare cp - box:/t < <(tar -c big)
  [[ "$output" == *"the file system of /t of container box is full" ]]
  [ -z "$(in_box ls -A /t)" ]
  in_box sh -c 'echo old >/t/big'
  run -1 tare cp big box:/t/
  [ "$(in_box sh -c 'ls -A /t; cat /t/big' | xargs)" = "big old" ] # what was there is there
}

file_mounts() {
  echo old >bound
  both "$1" -v "$PWD/bound:/bound"
  local to
  for to in bound etc/hosts; do
    run -1 tare cp src/f "box:/$to"
    [[ "$output" == *"is mounted there"* && "${#lines[@]}" = 1 ]]
  done
  tar -C src -c --transform s,f,bound, f >bound.tar
  run -1 tare cp - box:/ <bound.tar
  [[ "$output" == *"is mounted there"* ]]
  tare start box >/dev/null
  [ "$(in_box sh -c 'cat /bound; grep -cE " /(bound|etc/hosts) " /proc/mounts' | xargs)" = "old 2" ]
  [ "$(cat bound)" = old ]
}
@test "a file that is a mount of its own is not replaced, and stays mounted: of one that runs" { file_mounts running; }
@test "a file that is a mount of its own is not replaced: of one that does not run" { file_mounts stopped; }

@test "all of it: what is in proc and the like is left out, and refused by name" {
  box
  tare cp box:/ all 2>/dev/null
  [ -e all/etc/passwd ]
  [ -z "$(ls -A all/proc all/sys | grep -v :)" ]
  tare cp box:/ - | tar -t >list
  grep -qx './etc/passwd' list
  run ! grep -q '^./proc/.' list
  run -1 tare cp box:/proc/1/status here
  [[ "$output" == *"read it in the container"* ]]
  run -1 tare cp box:/proc/1/root/etc/passwd here
  [ ! -e here ]
}

@test "paths that are none: said in one line, and nothing is made" {
  box
  bad() { # COMMAND... ": " what is said
    run -1 tare cp "${@:1:$#-1}"
    [ "${#lines[@]}" = 1 ]
    [[ "$output" == *"${!#}"* ]] || { echo "$output"; false; }
  }
  bad src box:/nope/x "there is no folder for it"
  bad src box:/etc/passwd "a folder cannot be copied onto it"
  bad src/f box:/etc/passwd/ "is no folder"
  bad src/f box:/tmp/zz/ "there is no folder"
  bad box:/nope . "there is no /nope of container box"
  bad box:/etc/passwd/ . "is no folder"
  bad box:/etc src/f "a folder cannot be copied onto it"
  bad box:/etc/passwd nope/x "there is no folder for it"
  bad box:/etc/passwd nope/ "there is no folder"
  bad nope box:/tmp "there is no nope"
  bad a b "write one as CONTAINER:PATH"
  bad box:/a box:/b "both are of containers"
  bad box: x "want CONTAINER:PATH"
  bad nobody:/etc . "nobody"
  bad src/f box:/dev/null "must be a folder or a regular file"
  bad box:/etc/passwd /dev/null "must be a folder or a regular file"
  in_box mkdir /tmp/f
  bad src/f box:/tmp "there is a folder in its place"
  run -1 tare cp - box:/etc/passwd <src/f
  [[ "$output" == *"must be a folder that is there"* ]]
  run -1 tare cp - box:/tmp <src/f
  [[ "$output" == *"standard input"* ]]
  [ "$(in_box ls /tmp)" = f ]
  [ ! -e x ]
  [ -c /dev/null ]
}

@test "a folder into itself, by way of one that both have: refused" {
  box -v "$PWD/vol:/data"
  mkdir vol/sub; echo 1 >vol/f
  run -1 tare cp vol box:/data/
  [[ "$output" == *"into itself"* && "${#lines[@]}" = 1 ]]
  [ "$(find vol | sort | xargs)" = "vol vol/f vol/sub" ]
  run -1 tare cp box:/data vol/sub
  [[ "$output" == *"into itself"* ]]
  [ ! -e vol/sub/data/sub ]
  tare cp vol/. box:/data/
}

@test "holes of a file stay holes" {
  box
  in_box sh -c 'echo begin >/tmp/sparse; truncate -s 200M /tmp/sparse; echo end >>/tmp/sparse; truncate -s 100M /tmp/empty'
  tare cp box:/tmp/sparse .
  tare cp box:/tmp/empty .
  [ "$(stat -c %s sparse empty | xargs)" = "209715204 104857600" ]
  [ "$(head -c 5 sparse) $(tail -c 4 sparse) $(tr -d '\0' <sparse | xargs)" = "begin end begin end" ]
  [ "$(stat -c %b sparse)" -lt 2000 ]
  [ "$(stat -c %b empty)" -lt 2000 ]
  tare cp sparse box:/root/
  [ "$(in_box sh -c 'md5sum </root/sparse')" = "$(md5sum <sparse)" ]
}

@test "the folder that a copy goes into has a new time" {
  box
  in_box sh -c 'mkdir /w; touch -d @1000000 /w'
  mkdir here; touch -d @1000000 here
  tare cp src/f box:/w/
  tare cp box:/etc/passwd here/
  [ "$(in_box stat -c %Y /w)" -gt 1000000 ]
  [ "$(stat -c %Y here)" -gt 1000000 ]
}

@test "a file whose source is its destination stays; a path with a colon is a path" {
  box -v "$PWD/vol:/data"
  echo same >vol/s
  tare cp box:/data/s vol/s
  [ "$(cat vol/s)" = same ]
  echo colon >a:b
  tare cp ./a:b box:/tmp/c
  [ "$(in_box cat /tmp/c)" = colon ]
}

@test "a tar: names of whiteouts are names, folders without an entry stay as they are, none is no error, packed ones are unpacked" {
  box
  echo w >src/.wh.f
  tar -C src -cz .wh.f sub/g | tare cp - box:/tmp
  [ "$(in_box cat /tmp/.wh.f /tmp/sub/g | xargs)" = "w deep" ]
  in_box sh -c 'chmod 700 /tmp/sub; chown 5:5 /tmp/sub'
  tar -C src -c sub/g | tare cp - box:/tmp
  [ "$(in_box stat -c '%a %u:%g' /tmp/sub)" = "700 5:5" ]
  tar -c -T /dev/null | tare cp - box:/tmp
  run -1 tare cp - box:/tmp < <(tar -cP --transform 's,src,../../escaped,' src/f)
  [[ "$output" == *"'..' component"* ]]
}

@test "a tar is as small as it packs: what in an archive of strangers would be a bomb is the caller's own" {
  box
  python3 - <<'X'
import gzip, tarfile
t = tarfile.TarInfo("many")
t.type, t.mode = tarfile.DIRTYPE, 0o755
with gzip.open("many.tgz", "w", 1) as f:
    f.write(t.tobuf() * 60000 + bytes(1024))
X
  tare cp - box:/tmp <many.tgz
  in_box test -d /tmp/many
}

@test "links: one that the destination is, is followed, in the container; those in it lead nowhere else" {
  box
  in_box sh -c 'ln -s /nowhere /dangling; ln -s /../../../../etc /up; ln -s /etc /tmp/sub'
  tare cp src/f box:/dangling
  [ "$(in_box cat /nowhere)" = hi ]
  tare cp src/f box:/up/f
  [ "$(in_box cat /etc/f)" = hi ]
  [ ! -e /etc/f ]
  run -1 tare cp src/. box:/tmp
  [[ "$output" == *"in its place is a link"* ]]
  mkdir here
  ln -s "$PWD/vol" here/d
  in_box sh -c 'mkdir /d; echo x >/d/x'
  run -1 tare cp box:/d here
  [[ "$output" == *"in its place is a link"* ]]
  [ -z "$(ls -A vol)" ]
}

@test "volumes by name, and parts of them, of one that does not run" {
  tare volume create data >/dev/null
  box -v data:/data
  in_box mkdir /data/part
  tare rm -f box >/dev/null
  tare create --name box -v data:/data --mount type=volume,src=data,dst=/part,volume-subpath=part busybox sleep 1000 >/dev/null
  tare cp src/f box:/data/
  tare cp -a src/f box:/part/g
  [ "$(tare cp box:/data - | tar -t | xargs)" = "data/ data/f data/part/ data/part/g" ]
  tare start box >/dev/null
  [ "$(in_box stat -c '%n %u:%g' /data/f /part/g | xargs)" = "/data/f 0:0 /part/g 1000:1001" ]
  tare rm -f box >/dev/null
  tare volume rm data >/dev/null
}

@test "of one that never ran: mount points are its root's, also in a volume" {
  tare create --name box -v data:/v/data -v "$PWD/vol:/v/data/a/b" busybox sleep 1000 >/dev/null
  tare cp src/f box:/v/data/a/b/
  tare cp src/f box:/v/data/a/
  [ "$(cat vol/f)" = hi ]
  tare start box >/dev/null
  [ "$(in_box stat -c %u:%g /v /v/data /v/data/a /v/data/a/f | xargs)" = "0:0 0:0 0:0 0:0" ]
  tare rm -f box >/dev/null
  tare volume rm data >/dev/null
}

@test "of one that does not run: a mount whose ids cannot be mapped" {
  both stopped -v /sys/kernel:/k:ro
  tare cp src/f box:/tmp/f
  tare start box >/dev/null
  [ "$(in_box cat /tmp/f)" = hi ]
}

@test "of one that never ran: nothing comes into its layer but what is copied" {
  tare create --name box --init busybox sleep 1000 >/dev/null
  tare cp src/f box:/tmp/f
  [ "$(tare diff box | grep -c '/dev/.tare-init')" = 0 ]
  [ "$(tare diff box | grep '^A /tmp')" = "A /tmp/f" ]
}

@test "of one that does not run: mounts that came and went since it was made" {
  mkdir later
  both stopped -v "$PWD/vol:/data"
  tare update --mount-add "type=bind,src=$PWD/later,dst=/later" --mount-rm /data box >/dev/null
  tare cp src/f box:/later/
  tare cp src/f box:/data/
  [ "$(cat later/f)" = hi ]
  [ -z "$(ls -A vol)" ]
  tare start box >/dev/null
  [ "$(in_box cat /later/f /data/f | xargs)" = "hi hi" ]
}

# A container that exchanges a folder and a link to the machine's root without pause; mv -T does it by rename(2).
@test "a container that exchanges folders for links while it is copied: nothing of the machine's is read or written" {
  box
  echo secret >outside
  mkdir out
  in_box sh -c 'mkdir -p /r/real/a /r/real/b; echo fine >/r/real/a/outside; ln -s '"$PWD"' /r/evil'
  tare exec -d box sh -c 'cd /r; while :; do ln -sfn '"$PWD"' t; mv -T t x 2>/dev/null || { rm -rf x; mv -T t x; }; rm -f x; mkdir -p x/a; echo fine >x/a/outside; done'
  # who goes there by a path is fooled
  wait_until 30 grep -qs secret "/proc/$(tare inspect -f '{{.State.Pid}}' box)/root/r/x/outside"
  for _ in {1..25}; do
    rm -rf got
    tare cp box:/r/x/. got >/dev/null 2>&1 || true
    tare cp box:/r/x/outside got-file >/dev/null 2>&1 || true
    tare cp src/f box:/r/x/written >/dev/null 2>&1 || true
    tare cp src box:/r/x/a >/dev/null 2>&1 || true
    tare cp box:/r - 2>/dev/null | tar -xO 2>/dev/null >tarred || true
    run ! grep -rqs secret got got-file tarred
  done
  [ ! -e written ]
  [ "$(ls "$PWD")" = "$(ls -d out outside src tarred vol $(ls -d got got-file 2>/dev/null))" ]
}

# strace holds us between the making of the FIFO and what is done to it next.
@test "a FIFO that a container exchanges for a link while it is made: the machine's file keeps its mode" {
  box
  mkfifo -m 666 src/fifo
  echo secret >victim; chmod 600 victim
  in_box mkdir /w
  tare exec -d box sh -c 'until [ -p /w/p ]; do :; done; ln -s '"$PWD"'/victim /w/l; mv -f /w/l /w/p'
  strace -qq -o /dev/null -e trace=mknodat -e inject=mknodat:delay_exit=2000000 "$TARE_BIN/tare" cp src/fifo box:/w/p || true
  [ "$(in_box readlink /w/p)" = "$PWD/victim" ] # it was in time
  [ "$(stat -c %a victim)" = 600 ]
}
