#!/usr/bin/env bats
# Volumes: tare volume …, and how containers have them.
load ../lib/common


setup_file() { tare_setup_file; load_busybox; }
teardown_file() {
  remove_all
  # shellcheck disable=SC2046
  tare volume rm -f $(tare volume ls -q) >/dev/null
  [ -z "$(ls -A "$TARE_ROOT/volumes" 2>/dev/null)" ] || { ls -AR "$TARE_ROOT/volumes"; return 1; }
  tare_teardown_file
}

# An image with content in /data: files of 33:34, a link, two names of a file, an attribute, capabilities.
image_with_data() {
  local layout=$BATS_TEST_TMPDIR/oci root=$BATS_TEST_TMPDIR/bundle/rootfs
  mkdir "$layout"; tar -C "$layout" -xf "$(busybox_archive)"
  umoci unpack --image "$layout:latest" "$BATS_TEST_TMPDIR/bundle" >/dev/null
  mkdir -p "$root/data/sub"
  echo original >"$root/data/sub/file"
  ln "$root/data/sub/file" "$root/data/again"
  ln -s sub/file "$root/data/link"
  mkdir -p "$root/srv/real"; ln -s real "$root/srv/link"; echo there >"$root/srv/real/f"; chown -R 33:34 "$root/srv/real"; chmod 750 "$root/srv/real"
  chmod 4750 "$root/data/sub/file"; chmod 1770 "$root/data"
  python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.note", b"yes")' "$root/data/sub/file"
  chown -hR 33:34 "$root/data"; chmod 4750 "$root/data/sub/file"
  umoci repack --image "$layout:vol" "$BATS_TEST_TMPDIR/bundle" >/dev/null
  umoci config --image "$layout:vol" --config.volume /data
  REF=$(tare load -i "$layout" | tail -1 | sed 's/^Loaded image[^:]*: //')
  tare tag "$REF" withdata:1 # the name it was loaded by is busybox's
  load_busybox >/dev/null
  REF=withdata:1
  rm -rf "$BATS_TEST_TMPDIR/bundle"
}

# As tare prints sizes: in powers of 1000, three digits.
numfmt_si() { python3 -c 'import sys; n = float(sys.argv[1]); u = 0
while n >= 1000: n /= 1000; u += 1
print("%.3g%s" % (n, ["B", "kB", "MB", "GB"][u]))' "$1"; }

@test "create, ls, inspect, rm: as docker has them" {
  [ "$(tare volume create one)" = one ]
  [ "$(tare volume create --label a=1 --label b=x=y -d local two)" = two ]
  [ "$(tare volume create one)" = one ]
  name=$(tare volume create)
  [[ $name =~ ^[0-9a-f]{64}$ ]]
  [ "$(tare volume ls -q | sort | tr '\n' ' ')" = "$(printf '%s\n' one two "$name" | sort | tr '\n' ' ')" ]
  run -0 tare volume ls
  [[ "${lines[0]}" =~ ^DRIVER\ +VOLUME\ NAME ]]
  [ "$(tare volume ls -f name=tw --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}}')" = "two local local a=1,b=x=y" ]
  [ "$(tare volume ls -qf label=a)" = two ]
  [ "$(tare volume ls -qf label=a=2)" = "" ]
  [ "$(tare volume ls -qf driver=other)" = "" ]
  [ "$(tare volume ls -qf anonymous=true)" = "$name" ]
  [ "$(tare volume ls --format json -f name=one | jq -r .Mountpoint)" = "$TARE_ROOT/volumes/one/_data" ]
  [ "$(tare volume inspect two | jq -c '.[0] | [.Name, .Driver, .Scope, .Labels, .Options]')" = '["two","local","local",{"a":"1","b":"x=y"},{}]' ]
  [ "$(tare volume inspect -f '{{.Mountpoint}} {{.Labels.a}}' two)" = "$TARE_ROOT/volumes/two/_data 1" ]
  [ "$(stat -c %a "$TARE_ROOT/volumes/two/_data")" = 755 ]
  run -1 tare volume rm oen
  [[ "$output" == *'did you mean "one"'* ]]
  [ "$(tare volume rm -f oen)" = oen ]
  run -0 tare volume rm one two "$name"
  [ "${lines[0]} ${lines[1]}" = "one two" ]
  [ ! -e "$TARE_ROOT/volumes/one" ]
  run -1 tare volume inspect one
}

@test "what is wrong is told, and nothing is made" {
  local wrong
  for wrong in '/a' 'a' '.x' 'a b' ''; do
    run -1 tare volume create "$wrong"
    [[ "$output" == *"is no name for a volume"* ]]
  done
  run -1 tare volume create -o length=1m ww
  [[ "$output" == *"length=1m"*"size=SIZE, type=TYPE, device=DEVICE and o=OPTIONS"* ]]
  run -1 tare volume create -o type=ext4 ww
  [[ "$output" == *"type=ext4: of which device?"* ]]
  run -1 tare volume create -o type=tmpfs -o o=size=lots ww
  run -1 tare volume create -o o=bind ww
  run -1 tare volume create -o o=bind -o device=rel ww
  run -1 tare volume create --label =x ww
  run -1 tare volume create -d nfs ww
  run -1 tare volume ls -f nonsense=1
  run -125 tare run --rm -v a:/x busybox true
  run -125 tare run --rm -v ww:/x:nonsense busybox true
  run -125 tare run --rm -v ww:/x nosuchimage:1 true
  [ "$(tare volume ls -q)" = "" ]
  tare volume create -o type=tmpfs ww
  run -1 tare volume create -o type=tmpfs -o o=size=1m ww
  [[ "$output" == *"with other options"* ]]
  tare volume rm ww
}

@test "a volume by name is made, keeps its files for the next container, which sees them as its own" {
  tare run --rm -v keep:/data busybox sh -c 'echo kept >/data/f; adduser -D -u 1000 u 2>/dev/null; chown 1000:1000 /data/f'
  [ "$(stat -c %u:%g "$TARE_ROOT/volumes/keep/_data/f")" = 1000:1000 ]
  [ "$(tare run --rm -v keep:/other:ro busybox sh -c 'cat /other/f; stat -c %u:%g /other/f; touch /other/x 2>&1')" = "kept
1000:1000
touch: /other/x: Read-only file system" ]
  [ "$(tare run --rm --userns=host -v keep:/data busybox stat -c %u:%g /data/f)" = 1000:1000 ]
  [ "$(tare volume inspect -f '{{.Name}}' keep)" = keep ]
  tare volume rm keep
}

@test "a volume starts with what the image has in its place: owner, mode, links, attributes; nocopy not" {
  image_with_data
  tare run --rm -v filled:/data "$REF" true
  local d=$TARE_ROOT/volumes/filled/_data
  [ "$(stat -c '%a %u:%g' "$d")" = "1770 33:34" ]
  [ "$(stat -c '%a %u:%g %h' "$d/sub/file")" = "4750 33:34 2" ]
  [ "$d/sub/file" -ef "$d/again" ]
  [ "$(readlink "$d/link")" = sub/file ]
  [ "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.note").decode())' "$d/sub/file")" = yes ]
  [ "$(ls -A "$TARE_ROOT/volumes/filled")" = _data ]
  # one that is not empty stays as it is
  rm "$d/again"
  tare run --rm -v filled:/data "$REF" sh -c '[ ! -e /data/again ] && [ -e /data/link ]'
  tare run --rm -v bare:/data:nocopy "$REF" sh -c '[ -z "$(ls /data)" ]'
  # by way of a link, too
  tare run --rm -v linked:/srv/link "$REF" true
  [ "$(stat -c '%a %u:%g' "$TARE_ROOT/volumes/linked/_data") $(cat "$TARE_ROOT/volumes/linked/_data/f")" = "750 33:34 there" ]
  tare volume rm linked
  # what an empty one's folder is like stays where the image has none
  tare run --rm -v owned:/none busybox sh -c 'chown 7:8 /none; chmod 700 /none'
  [ "$(tare run --rm -v owned:/none busybox stat -c '%a %u:%g' /none)" = "700 7:8" ]
  tare volume rm owned
  # an empty one that another container has already keeps its folder
  id=$(tare run -d -v bare:/b:nocopy busybox sleep 1000)
  tare run --rm -v bare:/data "$REF" true
  [ "$(tare exec "$id" cat /b/sub/file)" = original ]
  tare rm -f "$id"
  tare volume rm filled bare
}

@test "volumes without a name: of -v and the image; they go with --rm and rm -v, and stay with rm" {
  image_with_data
  id=$(tare create -v /more "$REF" true)
  [ "$(tare volume ls -qf anonymous=true | wc -l)" = 2 ]
  name=$(tare inspect -f '{{range .Mounts}}{{if eq .Destination "/data"}}{{.Name}}{{end}}{{end}}' "$id")
  [ "$(tare volume inspect -f '{{index .Labels "com.docker.volume.anonymous"}}|' "$name")" = "|" ]
  [ -e "$TARE_ROOT/volumes/$name/_data/sub/file" ]
  tare rm "$id"
  [ "$(tare volume ls -qf anonymous=true | wc -l)" = 2 ]
  [ "$(tare volume prune -f | grep -c "^$name$")" = 1 ]
  [ "$(tare volume ls -q)" = "" ]
  id=$(tare create -v /more -v named:/n "$REF" true)
  tare rm -v "$id"
  [ "$(tare volume ls -q)" = named ]
  tare run --rm -v /more "$REF" true
  run -127 tare run --rm -v /more "$REF" nosuchcommand
  tare run -d --rm -v /more --name brief "$REF" true
  wait_until 5 bash -c "[ \"\$('$TARE_BIN/tare' volume ls -q)\" = named ]"
  wait_until 5 bash -c "[ \"\$(ls -A '$TARE_ROOT/volumes')\" = named ]" # the folder goes after the row
  tare volume rm named
}

@test "a volume without a name that a container was given by its digits does not go with it" {
  name=$(tare volume create)
  tare run --rm -v "$name:/d" busybox touch /d/f
  run -127 tare run --rm -v "$name:/d" busybox nosuchcommand
  tare create --name first -v "$name:/d" busybox true
  tare create --name second --volumes-from first busybox true
  tare rm -v first second
  [ -e "$TARE_ROOT/volumes/$name/_data/f" ]
  # nor one that its container left
  id=$(tare create -v /anon busybox true)
  left=$(tare inspect -f '{{range .Mounts}}{{.Name}}{{end}}' "$id")
  tare rm "$id"
  tare run --rm -v "$left:/d" busybox true
  [ "$(tare volume ls -q | wc -l)" = 2 ]
  tare volume rm "$name" "$left"
}

@test "one that a container has is not removed, also when that does not run; prune keeps it" {
  id=$(tare create -v used:/u -v /anon busybox true)
  tare volume create unused
  tare volume create --label keep unused2
  run -1 tare volume rm used
  [[ "$output" == *"in use by container ${id:0:12}"* ]]
  [ "$(tare volume ls -qf dangling=true | tr '\n' ' ')" = "unused unused2 " ]
  [ "$(tare volume ls -qf dangling=false | wc -l)" = 2 ]
  run -0 tare volume prune -f
  [[ "$output" == "Total reclaimed space: 0B" ]]
  run -0 tare volume prune -af --filter label!=keep
  [ "${lines[0]} ${lines[1]}" = "Deleted Volumes: unused" ]
  tare volume prune -f --filter all=1 >/dev/null
  [ "$(tare volume ls -q | wc -l)" = 2 ]
  tare rm -v "$id"
  [ "$(tare volume prune -af | head -2 | tail -1)" = used ]
}

@test "inspect shows mounts as docker does" {
  id=$(tare create -v vv:/v -v vv:/w:ro -v "$BATS_TEST_TMPDIR:/b" --mount type=tmpfs,dst=/t,ro --mount type=volume,src=vv,dst=/m busybox true)
  tare inspect "$id" | jq -c '.[0].Mounts[] | [.Type, .Name, .Source, .Destination, .Driver, .Mode, .RW, .Propagation]' >"$BATS_TEST_TMPDIR/mounts"
  diff "$BATS_TEST_TMPDIR/mounts" - <<X
["volume","vv","$TARE_ROOT/volumes/vv/_data","/v","local","z",true,""]
["volume","vv","$TARE_ROOT/volumes/vv/_data","/w","local","ro",false,""]
["bind",null,"$BATS_TEST_TMPDIR","/b",null,"",true,"rprivate"]
["volume","vv","$TARE_ROOT/volumes/vv/_data","/m","local","",true,""]
["tmpfs",null,"","/t",null,"",false,""]
X
  tare rm "$id"; tare volume rm vv
}

@test "options of the driver: tmpfs, a folder of the host" {
  mkdir "$BATS_TEST_TMPDIR/dir"
  tare volume create -o type=none -o o=bind -o device="$BATS_TEST_TMPDIR/dir" there
  tare volume create -o type=none -o o=bind,ro -o device="$BATS_TEST_TMPDIR/dir" read
  tare volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,mode=0700 memory
  tare run --rm -v there:/x -v read:/y -v memory:/z busybox sh -c 'echo 1 >/x/f && cat /y/f && ! touch /y/g 2>/dev/null && stat -c %a /z && grep " /z tmpfs .*size=1024k" /proc/mounts'
  [ "$(cat "$BATS_TEST_TMPDIR/dir/f")" = 1 ]
  tare create --name away -v there:/x busybox true
  rm -r "$BATS_TEST_TMPDIR/dir"
  run -1 tare start away
  [[ "$output" == *"volume there stands for $BATS_TEST_TMPDIR/dir of the host, which is not there"* ]]
  run -125 tare run --rm -v there:/x busybox true
  tare rm away
  tare volume rm there read memory
}

teardown() { # a loop device goes with the last mount of it
  local dev
  for dev in $(losetup -nO NAME -j "$BATS_TEST_TMPDIR/disk" 2>/dev/null); do
    remove_all
    losetup -d "$dev"
  done
}

# LOOP: a device with an ext4 on it.
with_ext4() {
  truncate -s 16M "$BATS_TEST_TMPDIR/disk"
  mkfs.ext4 -q "$BATS_TEST_TMPDIR/disk"
  LOOP=$(losetup --show -f "$BATS_TEST_TMPDIR/disk")
}

@test "a volume that is a file system of its own: mounted with the first container, gone with the last; nothing is mounted on the host" {
  with_ext4
  tare volume create -o type=ext4 -o device="$LOOP" -o o=noatime,nodev,data=ordered disk
  run -0 tare run --rm -v disk:/d busybox sh -c 'grep " /d " /proc/mounts; mkdir -p /d/sub; echo kept >/d/sub/f; stat -c %u:%g /d/sub/f'
  [[ "${lines[0]}" == "$LOOP /d ext4 rw,nodev,noatime"* && "${lines[1]}" = 0:0 ]]
  [ "$(tare run --rm -v disk:/d busybox cat /d/sub/f)" = kept ]
  [ "$(tare run --rm --userns=host -v disk:/d busybox stat -c %u:%g /d/sub/f)" = 0:0 ]
  [ "$(tare run --rm --mount src=disk,dst=/d,volume-subpath=sub,ro busybox sh -c 'cat /d/f; touch /d/g 2>&1' | tail -2 | xargs)" = "kept touch: /d/g: Read-only file system" ]
  # two at once see the same; the one that goes first takes nothing away
  tare run -d --name one -v disk:/d busybox sleep 1000
  tare run -d --name two -v disk:/d:ro busybox sleep 1000
  tare exec one sh -c 'echo both >/d/both'
  [ "$(tare exec two cat /d/both)" = both ]
  run -1 tare volume rm disk
  tare rm -f one
  [ "$(tare exec two cat /d/both)" = both ]
  [ "$(grep -c "$LOOP" /proc/self/mountinfo || true)" = 0 ]
  tare restart -t 0 two
  [ "$(tare exec two cat /d/both)" = both ]
  tare update --mount-add src=disk,dst=/again two
  [ "$(tare exec two sh -c 'echo 1 >/again/both; cat /d/both')" = 1 ]
  # whoever kills all of it leaves nothing
  kill -9 "$(tare inspect -f '{{.State.Pid}}' two)"
  timeout 20 sh -c "until [ \"\$('$TARE_BIN/tare' inspect -f '{{.State.Running}}' two)\" = false ]; do sleep 0.2; done"
  [ "$(tare cp two:/d/both - | tar -xO)" = 1 ]
  [ "$(tare volume export disk | tar -xO sub/f)" = kept ]
  tare rm -f two
  tare volume rm disk
  # nobody has it any more
  timeout 20 sh -c "until e2fsck -fn '$LOOP' >/dev/null 2>&1 && [ ! -e /sys/fs/ext4/${LOOP#/dev/} ]; do sleep 0.2; done"
  losetup -d "$LOOP"
}

@test "a volume that cannot be mounted: one line with its name, its device and the kernel's reason" {
  tare volume create -o type=ext4 -o device=/dev/nosuch gone
  run -125 tare run --rm -v gone:/d busybox true
  [[ "$output" == *"volume gone, /dev/nosuch: ext4: "*"Can't lookup blockdev"* && "${#lines[@]}" = 1 ]] || { echo "$output"; return 1; }
  tare volume create -o type=nosuchfs -o device=x odd
  run -125 tare run --rm -v odd:/d busybox true
  [[ "$output" == *"volume odd, x: this kernel has no file system \"nosuchfs\""* ]]
  with_ext4
  tare volume create -o type=ext4 -o device="$LOOP" -o o=nonsense=1 worse
  run -125 tare run --rm -v worse:/d busybox true
  [[ "$output" == *"volume worse, $LOOP: "*"nonsense"* && "${#lines[@]}" = 1 ]] || { echo "$output"; return 1; }
  tare volume create -o type=ext4 -o device="$LOOP" -o o=ro reads
  run -0 tare run --rm -v reads:/d busybox sh -c 'grep " /d " /proc/mounts; touch /d/x 2>&1; true'
  [[ "${lines[0]}" == *" ext4 ro,"* && "${lines[1]}" == *"Read-only"* ]]
  losetup -d "$LOOP"
  # a server's name is asked for at each start; the kernel wants its address
  local a
  for a in server.invalid -x; do
    tare volume create -o type=nfs -o device=:/srv -o o="addr=$a,nolock" server
    run -125 tare run --rm -v server:/d busybox true
    [[ "$output" == *"volume server: addr=$a: "* && "${#lines[@]}" = 1 ]] || { echo "$output"; return 1; }
    tare volume rm server
  done
  tare volume create -o type=ext4 -o device=/dev/nosuch -o o=addr=localhost server
  run -125 tare run --rm -v server:/d busybox true
  [[ "$output" =~ "option \"addr="(127.0.0.1|::1)"\"" ]] || { echo "$output"; return 1; }
  tare create --name waits -v server:/d busybox true
  [ "$(tare inspect waits | jq -r '.[0].Mounts[0] | [.Type, .Name, .Driver] | join(" ")')" = "volume server local" ]
  tare rm waits
  run -1 tare volume create -o type=ext4 none
  [[ "$output" == *"device=DEVICE"* ]]
  run -1 tare volume create -o type=none -o device=/tmp none
  run -1 tare volume import gone </dev/null
  tare volume rm gone odd worse reads server
}

@test "--volumes-from: another container's volumes and binds, perhaps read-only" {
  mkdir "$BATS_TEST_TMPDIR/dir"
  tare create --name from -v named:/n -v /anon -v "$BATS_TEST_TMPDIR/dir:/b" busybox true
  tare run --rm --volumes-from from busybox sh -c 'echo 1 >/n/f; echo 2 >/anon/f; echo 3 >/b/f'
  [ "$(tare run --rm --volumes-from from:ro busybox sh -c 'cat /n/f /anon/f /b/f; touch /n/g /b/g 2>&1 | grep -c Read-only' | tr '\n' ' ')" = "1 2 3 2 " ]
  [ "$(tare run --rm --volumes-from from -v other:/n busybox ls /n)" = "" ]
  # the volume without a name goes with the last who has it
  tare create --name second --volumes-from from busybox true
  tare rm -v from
  [ "$(tare volume ls -qf anonymous=true | wc -l)" = 1 ]
  tare rm -v second
  [ "$(tare volume ls -qf anonymous=true | wc -l)" = 0 ]
  run -125 tare run --rm --volumes-from nobody busybox true
  [[ "$output" == *"--volumes-from nobody"* ]]
  tare create --name third busybox true
  run -125 tare run --rm --volumes-from third:rx busybox true
  tare rm third
  tare volume rm named other
}

@test "a volume whose folder went is made again; a folder without a volume stays for who makes one of its name" {
  tare create --name lost -v lost:/l busybox ls -A /l
  rm -r "$TARE_ROOT/volumes/lost"
  tare start -a lost
  tare rm lost; tare volume rm lost
  none=$(printf 'a%.0s' {1..64}) # a name that was made up
  mkdir -p "$TARE_ROOT/volumes/stray/_data" "$TARE_ROOT/volumes/.gone-1" "$TARE_ROOT/volumes/$none/_data"
  echo old >"$TARE_ROOT/volumes/stray/_data/old"
  tare system prune -f --volumes >/dev/null; tare ps >/dev/null
  [ "$(ls -A "$TARE_ROOT/volumes")" = stray ]
  tare volume create stray
  [ "$(tare run --rm --network none -v stray:/s busybox cat /s/old)" = old ]
  tare volume rm stray
  [ -z "$(ls -A "$TARE_ROOT/volumes")" ]
}

@test "the first content of a volume that a running container has: who is killed at it leaves it to the next one to finish" {
  image_with_data
  tare run -d --name sees -v shared:/s busybox sleep 1000
  # the second thing that is moved into its place
  strace -f -o /dev/null -P "$TARE_ROOT/volumes/shared/.new" -P "$TARE_ROOT/volumes/shared/.full" -e trace=renameat,renameat2 \
    -e inject=renameat,renameat2:signal=KILL:when=2 "$TARE_BIN/tare" create --name killed -v shared:/data "$REF" true || true
  [ "$(tare exec sees ls /s | wc -l)" -lt 3 ]
  tare exec sees sh -c 'echo own >/s/link'
  tare run --rm -v shared:/data "$REF" true
  [ "$(tare exec sees sh -c 'ls /s; cat /s/sub/file /s/again /s/link; stat -c %a /s' | xargs)" = "again link sub original original own 1770" ]
  [ "$(ls -A "$TARE_ROOT/volumes/shared")" = _data ]
  # of a container that is there already its next start does it
  tare volume create other >/dev/null
  tare create --name later -v other:/o busybox ls /o
  mkdir "$TARE_ROOT/volumes/other/.full"; touch "$TARE_ROOT/volumes/other/.full/rest"
  [ "$(tare start -a later)" = rest ]
  tare rm -f sees later; tare rm killed || true
  tare volume rm shared other
}

@test "a dozen containers at once fill one volume once" {
  image_with_data
  for i in $(seq 12); do tare run --rm -v crowd:/data "$REF" cat /data/sub/file >"$BATS_TEST_TMPDIR/out.$i" & done
  wait
  [ "$(cat "$BATS_TEST_TMPDIR"/out.* | sort | uniq -c | tr -s ' ')" = " 12 original" ]
  tare volume rm crowd
}

@test "system df counts volumes as du does; system prune --volumes" {
  tare run --rm -v big:/b busybox sh -c 'head -c 3000000 /dev/zero >/b/f; mkdir /b/d; ln /b/f /b/d/again'
  id=$(tare create -v big:/b -v /anon busybox true)
  anon=$(tare volume ls -qf anonymous=true)
  bytes=$(du -sB1 "$TARE_ROOT/volumes/big/_data" | cut -f1)
  run -0 tare system df -v
  [[ "$output" == *"Images space usage:"*REPOSITORY*"UNIQUE SIZE"*busybox*"Containers space usage:"*"LOCAL VOLUMES"*"${id:0:12}"*"Local Volumes space usage:"*LINKS*"Build cache usage: 0B"* ]]
  grep -qE "^big +1 +3\.0[0-9]*MB$" <<<"$output"
  [ "$(grep "^big" <<<"$output" | awk '{ print $3 }')" = "$(numfmt_si "$bytes")" ]
  [ "$(tare system df --format json | jq -r 'select(.Type == "Local Volumes") | "\(.TotalCount) \(.Active) \(.Reclaimable)"')" = "2 2 0B (0%)" ]
  tare rm "$id"
  [[ "$(tare system df --format json | jq -r 'select(.Type == "Local Volumes") | "\(.TotalCount) \(.Active) \(.Reclaimable)"')" == "2 0 3.0"*"MB (100%)" ]]
  tare system prune -f >/dev/null
  [ "$(tare volume ls -q | wc -l)" = 2 ]
  run -0 tare system prune -f --volumes
  [[ "$output" == *$'Deleted Volumes:\n'"$anon"$'\n\n'* ]]
  [ "$(tare volume ls -q)" = big ]
  tare volume rm big
}

@test "system df -v: containers as du has them, and as one document with docker's members" {
  tare run --name wrote --network none -v kept:/v busybox sh -c 'head -c 2000000 /dev/zero >/f; mkdir /d; i=0; while [ $i -lt 50 ]; do echo $i >/d/$i; i=$((i + 1)); done; head -c 1000000 /dev/zero >/v/f'
  id=$(tare inspect -f '{{.Id}}' wrote)
  sync -f "$TARE_ROOT"
  bytes=$(du -sB1 "$TARE_ROOT/containers/$id" | cut -f1)
  [ "$(tare system df -v | awk '$NF == "wrote" { print }' | grep -o '[0-9.]*[kM]B')" = "$(numfmt_si "$bytes")" ]
  [ "$(tare system df --format json | jq -r 'select(.Type == "Containers") | "\(.TotalCount) \(.Active) \(.Size)"')" = "1 0 $(numfmt_si "$bytes")" ]
  run -0 tare system df -v --format json
  [ "$(wc -l <<<"$output")" = 1 ]
  [ "$(jq -c 'keys' <<<"$output")" = '["BuildCache","Containers","Images","Volumes"]' ]
  [ "$(jq -r '.Images[] | select(.Repository == "busybox") | "\(.Repository):\(.Tag) \(.Containers)"' <<<"$output")" = "busybox:latest 1" ]
  [ "$(jq -r '.Containers[0] | "\(.ID) \(.Names) \(.State) \(.LocalVolumes)"' <<<"$output")" = "${id:0:12} wrote exited 1" ]
  # what it wrote, as ps -s has it
  [ "$(jq -r '.Containers[0].Size' <<<"$output")" = "$(tare ps -as --format '{{.Size}}')" ]
  [ "$(jq -r '.Containers[0].Size' <<<"$output" | cut -d' ' -f1)" = "$(numfmt_si "$(du -sB1 "$TARE_ROOT/containers/$id/upper" | cut -f1)")" ]
  [ "$(jq -r '.Volumes[0] | "\(.Name) \(.Links) \(.Driver) \(.Mountpoint)"' <<<"$output")" = "kept 1 local $TARE_ROOT/volumes/kept/_data" ]
  [ "$(tare system df -v --format '{{range .Volumes}}{{.Name}} {{.Size}}{{end}}')" = "kept $(numfmt_si "$(du -sB1 "$TARE_ROOT/volumes/kept/_data" | cut -f1)")" ]
  run -1 tare system df -v --format nonsense
  tare rm wrote; tare volume rm kept
}

@test "export and import: owners, modes, links and attributes come back, whole" {
  tare run --rm -v from:/d busybox sh -c 'cd /d; echo 1 >f; ln f g; ln -s f l; mkdir -m 1750 s; chown 33:34 s f; touch -d @1000000000 f; chmod 2755 f; chown 5:6 .; chmod 711 .'
  python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.note", b"yes")' "$TARE_ROOT/volumes/from/_data/f"
  tare volume export from -o "$BATS_TEST_TMPDIR/v.tar"
  tare volume export from | cmp - "$BATS_TEST_TMPDIR/v.tar"
  run -1 tare volume import to "$BATS_TEST_TMPDIR/v.tar"
  [[ "$output" == *"no such volume: to"* ]]
  tare volume create to
  tare volume import to "$BATS_TEST_TMPDIR/v.tar"
  cmp <(tare volume export to) "$BATS_TEST_TMPDIR/v.tar"
  [ "$(stat -c '%a %u:%g' "$TARE_ROOT/volumes/to/_data")" = "711 5:6" ]
  gzip "$BATS_TEST_TMPDIR/v.tar"
  tare volume create packed
  tare volume import packed <"$BATS_TEST_TMPDIR/v.tar.gz"
  cmp <(tare volume export packed) <(zcat "$BATS_TEST_TMPDIR/v.tar.gz")
  # into one that has files, also while a container has it
  id=$(tare run -d -v packed:/p busybox sh -c 'echo other >/p/f; echo mine >/p/mine; sleep 1000')
  wait_until 5 test -e "$TARE_ROOT/volumes/packed/_data/mine"
  tare volume import packed - <"$BATS_TEST_TMPDIR/v.tar.gz"
  [ "$(tare exec "$id" sh -c 'cat /p/f /p/mine')" = "$(printf '1\nmine')" ]
  tare rm -f "$id"
  tare volume rm from to packed
}

@test "import: links and names that lead outside, what is no archive; nothing of it is there" {
  echo outside >"$BATS_TEST_TMPDIR/outside"
  tare volume create prey
  tare run --rm -v prey:/p busybox sh -c "ln -s $BATS_TEST_TMPDIR /p/d; ln -s $BATS_TEST_TMPDIR/outside /p/f"
  python3 - "$BATS_TEST_TMPDIR/over.tar" "$BATS_TEST_TMPDIR/up.tar" "$BATS_TEST_TMPDIR/through.tar" "$BATS_TEST_TMPDIR" <<'X'
import io, sys, tarfile
def write(path, *entries):
    with tarfile.open(path, "w") as t:
        for name, kind, data in entries:
            i = tarfile.TarInfo(name)
            if kind == "link": i.type, i.linkname = tarfile.SYMTYPE, data
            elif kind == "dir": i.type, i.mode = tarfile.DIRTYPE, 0o755
            else: i.size = len(data)
            t.addfile(i, io.BytesIO(data.encode()) if kind == "file" else None)
write(sys.argv[1], ("d", "dir", ""), ("d/outside", "file", "new"), ("f", "file", "new"))
write(sys.argv[2], ("../../outside", "file", "new"))
write(sys.argv[3], ("x", "link", sys.argv[4]), ("x/outside", "file", "new"))
X
  tare volume import prey "$BATS_TEST_TMPDIR/over.tar"
  [ "$(cat "$BATS_TEST_TMPDIR/outside")" = outside ]
  [ "$(tare run --rm -v prey:/p busybox sh -c 'cat /p/d/outside /p/f')" = newnew ]
  tare volume rm prey; tare volume create prey >/dev/null
  tare volume import prey "$BATS_TEST_TMPDIR/up.tar" || true
  tare volume import prey "$BATS_TEST_TMPDIR/through.tar" || true
  [ "$(cat "$BATS_TEST_TMPDIR/outside")" = outside ]
  tare volume rm prey; tare volume create prey >/dev/null
  run -1 tare volume import prey /etc/passwd
  [ "${#lines[@]}" = 1 ]
  head -c 3000 "$(busybox_archive)" >"$BATS_TEST_TMPDIR/cut.tar"
  run -1 tare volume import prey "$BATS_TEST_TMPDIR/cut.tar"
  run -1 tare volume import prey "$BATS_TEST_TMPDIR/none.tar"
  [ "$(ls -A "$TARE_ROOT/volumes/prey") $(ls -A "$TARE_ROOT/volumes/prey/_data")" = "_data " ]
  tare volume create -o type=tmpfs memory
  run -1 tare volume export memory -o "$BATS_TEST_TMPDIR/m.tar"
  [[ "$output" == *"in memory"* ]]
  [ ! -e "$BATS_TEST_TMPDIR/m.tar" ]
  tare volume rm memory prey
}

@test "export and import: of names that stand for whiteouts in a layer, and of nothing" {
  tare volume create names; tare volume create into; tare volume create bare
  tare run --rm -v names:/n busybox sh -c 'cd /n; touch .wh.f .wh..wh..opq; echo 1 >g'
  tare run --rm -v into:/n busybox sh -c 'echo kept >/n/f; echo kept >/n/pipe; echo kept >/n/none'
  mkfifo "$BATS_TEST_TMPDIR/pipe"; mknod "$BATS_TEST_TMPDIR/none" c 0 0
  tar -C "$BATS_TEST_TMPDIR" -c pipe none | tare volume import into # both are left out
  [ "$(cat "$TARE_ROOT/volumes/into/_data/pipe" "$TARE_ROOT/volumes/into/_data/none" | xargs)" = "kept kept" ]
  rm "$TARE_ROOT/volumes/into/_data/pipe" "$TARE_ROOT/volumes/into/_data/none"
  tare volume export names | tare volume import into
  [ "$(ls -A "$TARE_ROOT/volumes/into/_data" | xargs)" = ".wh..wh..opq .wh.f f g" ]
  tare volume export bare >"$BATS_TEST_TMPDIR/bare.tar"
  tare volume import into <"$BATS_TEST_TMPDIR/bare.tar"
  tare volume import bare <"$BATS_TEST_TMPDIR/bare.tar"
  [ -z "$(ls -A "$TARE_ROOT/volumes/bare/_data")" ]
  run -1 tare volume import into </dev/null
  [[ "$output" == *"it is an empty file"* && "${#lines[@]}" = 1 ]]
  [ "$(cat "$TARE_ROOT/volumes/into/_data/f")" = kept ]
  tare volume rm names into bare
}

@test "import: folders that the tar has no entry of stay as they are" {
  mkdir -p "$BATS_TEST_TMPDIR/t/d/e"; echo new >"$BATS_TEST_TMPDIR/t/d/f"; echo new >"$BATS_TEST_TMPDIR/t/d/e/g"
  tare run --rm -v full:/v -v bare:/w busybox sh -c 'mkdir -m 700 /v/d; chown 9:9 /v/d; chown 7:8 /v /w; chmod 711 /v /w'
  local volume
  for volume in full bare; do
    tar -C "$BATS_TEST_TMPDIR/t" -c d/f d/e/g | tare volume import "$volume"
    [ "$(stat -c '%a %u:%g' "$TARE_ROOT/volumes/$volume/_data")" = "711 7:8" ]
    [ "$(cat "$TARE_ROOT/volumes/$volume/_data/d/f" "$TARE_ROOT/volumes/$volume/_data/d/e/g" | xargs)" = "new new" ]
    [ "$(stat -c '%a %u:%g' "$TARE_ROOT/volumes/$volume/_data/d/e")" = "755 0:0" ]
  done
  [ "$(stat -c '%a %u:%g' "$TARE_ROOT/volumes/full/_data/d")" = "700 9:9" ]
  tar -C "$BATS_TEST_TMPDIR/t" --owner=3 --group=4 --mode=750 -c . | tare volume import full
  [ "$(stat -c '%a %u:%g' "$TARE_ROOT/volumes/full/_data" "$TARE_ROOT/volumes/full/_data/d" | uniq)" = "750 3:4" ]
  tare volume rm full bare
}

@test "import into a volume that is empty, of a container that runs: it has the files at once, and what it writes stays" {
  mkdir -m 700 "$BATS_TEST_TMPDIR/t"; echo new >"$BATS_TEST_TMPDIR/t/f"
  id=$(tare run -d -v held:/h busybox sleep 1000)
  tar -C "$BATS_TEST_TMPDIR/t" -c . | tare volume import held
  [ "$(tare exec "$id" sh -c 'cat /h/f; echo mine >/h/mine; stat -c %a /h' | xargs)" = "new 700" ]
  [ "$(cat "$TARE_ROOT/volumes/held/_data/mine") $(ls -A "$TARE_ROOT/volumes/held")" = "mine _data" ]
  tare rm -f "$id"
  tare volume rm held
}

# strace holds us before the second name of a file is made: the first one's folder is a link to the machine's by then.
@test "import into a volume whose container exchanges folders for links meanwhile: no name of a file of the machine's gets into it" {
  mkdir -p "$BATS_TEST_TMPDIR/t/a" "$BATS_TEST_TMPDIR/t/z" "$TARE_ROOT/outside"
  echo tar >"$BATS_TEST_TMPDIR/t/a/f"; ln "$BATS_TEST_TMPDIR/t/a/f" "$BATS_TEST_TMPDIR/t/z/f"
  tar -C "$BATS_TEST_TMPDIR/t" -cf "$BATS_TEST_TMPDIR/t.tar" a z
  echo secret >"$TARE_ROOT/outside/f"
  id=$(tare run -d -v raced:/v busybox sh -c 'touch /v/mine; until [ -s /v/a/f ] || [ -s /v/z/f ]; do :; done
    d=z; [ ! -s /v/a/f ] || d=a; mv /v/$d /v/moved; ln -s '"$TARE_ROOT"'/outside /v/$d; sleep 1000')
  wait_until 5 test -e "$TARE_ROOT/volumes/raced/_data/mine"
  strace -qq -o /dev/null -e trace=linkat -e inject=linkat:delay_enter=2000000 "$TARE_BIN/tare" volume import raced "$BATS_TEST_TMPDIR/t.tar" || true
  [ -e "$TARE_ROOT/volumes/raced/_data/moved/f" ] # it was in time
  [ "$(stat -c %h "$TARE_ROOT/outside/f")" = 1 ]
  tare rm -f "$id"
  tare volume rm raced
  rm -r "$TARE_ROOT/outside"
}

@test "events tell of volumes: made and removed" {
  since=$(date +%s.%N)
  tare volume create told
  tare run --rm -v auto:/a -v /anon busybox true
  tare volume rm told auto
  tare events --since "$since" --until "$(date +%s.%N)" --filter type=volume --format '{{.Action}} {{.Actor.ID}}' | sed -E 's/[0-9a-f]{64}/ANON/' >"$BATS_TEST_TMPDIR/said"
  diff <(sort "$BATS_TEST_TMPDIR/said") - <<'X'
create ANON
create auto
create told
destroy ANON
destroy auto
destroy told
mount ANON
mount auto
unmount ANON
unmount auto
X
}

@test "inspect has volumes without a name in Config.Volumes, and commit makes them VOLUMEs; those with a name not" {
  id=$(tare create -v /anon -v named:/n busybox true)
  [ "$(tare inspect -f '{{json .Config.Volumes}}' "$id")" = '{"/anon":{}}' ]
  tare commit "$id" withvolume:1 >/dev/null
  [ "$(tare image inspect -f '{{json .Config.Volumes}}' withvolume:1)" = '{"/anon":{}}' ]
  tare rm -v "$id"; tare volume rm named; tare rmi withvolume:1 >/dev/null
}

@test "a volume that stands for a folder which is not there, and an import that fails: told with their names" {
  tare volume create -o type=none -o o=bind -o "device=$BATS_TEST_TMPDIR/missing" gone
  run -125 tare run --rm --network none -v gone:/x busybox true
  [ "$output" = "tare: volume gone stands for $BATS_TEST_TMPDIR/missing of the host, which is not there: make that folder, or the volume anew" ]
  tare create --name late --network none -v gone:/x busybox true || true
  mkdir "$BATS_TEST_TMPDIR/missing"
  tare create --name late --network none -v gone:/x busybox true
  rmdir "$BATS_TEST_TMPDIR/missing"
  run -1 tare start late
  [[ "$output" == *"volume gone stands for"* ]]
  tare rm late
  tare volume create junk
  echo no archive >"$BATS_TEST_TMPDIR/no.tar"
  run -1 tare volume import junk "$BATS_TEST_TMPDIR/no.tar"
  [[ "$output" == "tare: $BATS_TEST_TMPDIR/no.tar: "* ]]
  run -1 tare volume import junk - <"$BATS_TEST_TMPDIR/no.tar"
  [[ "$output" == "tare: standard input: "* ]]
  tare volume rm gone junk
}

@test "a folder in the place of /etc/hosts is refused, as it cannot be one" {
  for file in hosts resolv.conf hostname; do
    run -125 tare run --rm --network none -v "$BATS_TEST_TMPDIR:/etc/$file" busybox true
    [ "$output" = "tare: -v $BATS_TEST_TMPDIR:/etc/$file: the source is a folder, and /etc/$file is a file in each container: mount a file" ]
  done
  run -125 tare run --rm --network none -v some:/etc/hosts busybox true
  [[ "$output" == *"volume some at /etc/hosts: it is a folder"* ]]
  tare volume rm some
  echo 192.0.2.7 seven >"$BATS_TEST_TMPDIR/hosts"
  [ "$(tare run --rm --network none -v "$BATS_TEST_TMPDIR/hosts:/etc/hosts" busybox cat /etc/hosts)" = "192.0.2.7 seven" ]
}

@test "/proc, /sys and /dev of the host are bound as they are" {
  [ "$(tare run --rm --network none -v /proc:/x busybox cat /x/sys/kernel/random/boot_id)" = "$(cat /proc/sys/kernel/random/boot_id)" ]
  tare run --rm --network none -v /sys:/x -v /dev:/y busybox sh -c 'test -d /x/kernel && test -c /y/null'
  # what is nobody's there is not written either
  run ! tare run --rm --network none -v /proc:/x busybox sh -c 'echo x >/x/sys/kernel/hostname'
  run ! tare run --rm --network none -v /dev:/y busybox mkdir /y/made
}
