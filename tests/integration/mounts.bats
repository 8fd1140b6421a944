#!/usr/bin/env bats
# tare run --mount: binds, volumes, tmpfs and images, key by key; recursion, propagation, folders in volumes.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() {
  remove_all
  # shellcheck disable=SC2046
  tare volume rm -f $(tare volume ls -q) >/dev/null
  tare_teardown_file
}
teardown() { ! mountpoint -q "$BATS_TEST_TMPDIR/below/m" || umount "$BATS_TEST_TMPDIR/below/m"; }

# A folder with another mount in it: $BELOW.
with_mount_below() {
  BELOW=$BATS_TEST_TMPDIR/below
  mkdir -p "$BELOW/m"
  mount -t tmpfs none "$BELOW/m"
  touch "$BELOW/m/there"
}

@test "--mount type=bind: a source that is there; -v makes it" {
  mkdir "$BATS_TEST_TMPDIR/d"; echo 1 >"$BATS_TEST_TMPDIR/d/f"
  [ "$(tare run --rm --mount "type=bind,source=$BATS_TEST_TMPDIR/d,target=/x" busybox cat /x/f)" = 1 ]
  [ "$(cd "$BATS_TEST_TMPDIR" && tare run --rm --mount type=bind,src=./d,dst=/x busybox cat /x/f)" = 1 ]
  run -125 tare run --rm --mount "type=bind,source=$BATS_TEST_TMPDIR/none,target=/x" busybox true
  [[ "$output" == *"does not exist: $BATS_TEST_TMPDIR/none"* ]]
  [ ! -e "$BATS_TEST_TMPDIR/none" ]
  [ "$(tare ps -aq)" = "" ]
  tare create --name later --mount "type=bind,source=$BATS_TEST_TMPDIR/d,target=/x" busybox true
  tare run --rm --mount "type=bind,source=$BATS_TEST_TMPDIR/new:er,target=/x,bind-create,bind-nonrecursive" busybox ls /x
  [ -d "$BATS_TEST_TMPDIR/new:er" ]
  mv "$BATS_TEST_TMPDIR/d" "$BATS_TEST_TMPDIR/e"
  run -1 tare start later
  [[ "$output" == *"does not exist"* ]]
  mv "$BATS_TEST_TMPDIR/e" "$BATS_TEST_TMPDIR/d"
  tare start -a later
  tare rm later
}

@test "read-only is so with all that is mounted below, unless bind-recursive says otherwise" {
  with_mount_below
  local try='ls /x/m; touch /x/new 2>/dev/null && echo top; touch /x/m/new 2>/dev/null && echo below; rm -f /x/new /x/m/new; true'
  of() { tare run --rm --mount "type=bind,src=$BELOW,dst=/x$1" busybox sh -c "$try" | tr '\n' ' '; }
  [ "$(of '')" = "there top below " ]
  [ "$(of ,ro)" = "there " ]
  [ "$(of ,readonly=true,bind-recursive=enabled)" = "there " ]
  [ "$(of ,ro,bind-recursive=readonly)" = "there " ]
  [ "$(of ,ro,bind-recursive=writable)" = "there below " ]
  [ "$(of ,bind-recursive=disabled)" = "top below " ]
  [ "$(of ,bind-nonrecursive)" = "top below " ]
  [ "$(of ,ro=false)" = "there top below " ]
  [ "$(tare run --rm -v "$BELOW:/x:ro" busybox sh -c "$try")" = there ]
}

@test "a volume that is a folder of the host: o=bind without what is mounted in it, o=rbind with that" {
  with_mount_below
  tare volume create -o type=none -o o=bind -o device="$BELOW" top
  tare volume create -o type=none -o o=rbind,ro -o device="$BELOW" all
  [ "$(tare run --rm -v top:/x -v all:/y busybox sh -c 'ls /x/m; echo -; ls /y/m; touch /x/m/new; touch /y/m/new 2>&1 | grep -c Read-only' | xargs)" = "- there 1" ]
  [ -e "$BELOW/m/there" ]
  [ ! -e "$BELOW/m/new" ]
  tare volume rm top all
}

@test "bind-propagation: what is mounted on the host later is seen" {
  with_mount_below; umount "$BELOW/m"
  mount --bind "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"; mount --make-shared "$BATS_TEST_TMPDIR"
  id=$(tare run -d --mount "type=bind,src=$BELOW,dst=/x,bind-propagation=rslave" --mount "type=bind,src=$BELOW,dst=/y" busybox sleep 1000)
  mount -t tmpfs none "$BELOW/m"; touch "$BELOW/m/late"
  run tare exec "$id" sh -c 'ls /x/m; ls /y/m'
  umount "$BELOW/m"
  tare rm -f "$id"
  umount "$BATS_TEST_TMPDIR"
  [ "$output" = late ]
}

@test "--mount type=tmpfs: size, mode, read-only" {
  run -0 tare run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=0710 --mount type=tmpfs,destination=/r,ro busybox \
    sh -c 'grep " /t " /proc/mounts; stat -c %a /t; touch /r/x 2>&1; true'
  [[ "${lines[0]}" == *"nosuid,nodev,noexec"*"size=1024k"* ]]
  [ "${lines[1]}" = 710 ]
  [[ "${lines[2]}" == *"Read-only"* ]]
}

@test "--mount type=volume: named, without a name, labels, options, nocopy" {
  tare run --rm --mount src=made,dst=/m,volume-label=a=1,volume-label=b busybox touch /m/f
  [ "$(tare volume inspect made | jq -c '.[0].Labels')" = '{"a":"1","b":""}' ]
  tare run --rm --mount 'type=volume,src=fast,dst=/m,volume-opt=type=tmpfs,"volume-opt=o=size=1m,mode=0700",volume-driver=local' busybox \
    sh -c 'grep " /m tmpfs .*size=1024k,mode=700" /proc/mounts'
  [ "$(tare volume inspect fast | jq -c '.[0].Options')" = '{"type":"tmpfs","o":"size=1m,mode=0700"}' ]
  [ "$(tare run --rm --mount dst=/bin,volume-nocopy --mount type=bind,src=/bin,dst=/b busybox ls /bin 2>&1 || true)" != busybox ]
  run -125 tare run --rm --mount src=fast,dst=/m,volume-driver=nfs busybox true
  tare volume rm made fast
}

@test "volume-subpath: a folder or file in a volume, and nothing outside, whatever links are in it" {
  tare run --rm -v data:/d busybox sh -c 'mkdir -p /d/a/b; echo in >/d/a/b/f; ln -s /etc /d/abs; ln -s ../../../../../etc /d/up; ln -s a/b /d/short'
  [ "$(tare run --rm --mount src=data,dst=/x,volume-subpath=a/b busybox cat /x/f)" = in ]
  [ "$(tare run --rm --mount src=data,dst=/x,volume-subpath=short,ro busybox cat /x/f)" = in ]
  [ "$(tare run --rm --mount src=data,dst=/x,volume-subpath=a/b/f busybox cat /x)" = in ]
  local link
  for link in abs up up/passwd ../../../etc; do
    run -125 tare run --rm --mount "src=data,dst=/x,volume-subpath=$link" busybox ls /x
    [[ "$output" == *"leads out of it"* ]] || { echo "$output"; return 1; }
  done
  run -125 tare run --rm --mount src=data,dst=/x,volume-subpath=missing busybox true
  [[ "$output" == *"missing"*"No such file"* ]]
  run -125 tare run --rm --mount src=empty,dst=/bin,volume-subpath=missing busybox true
  [ -z "$(ls -A "$TARE_ROOT/volumes/empty/_data")" ]
  tare volume rm empty
  tare create --name from --mount src=data,dst=/x,volume-subpath=a/b busybox true
  [ "$(tare run --rm --volumes-from from busybox cat /x/f)" = in ]
  tare rm from
  tare volume rm data
}

@test "what is mounted below a volume or a folder and cannot have the container's ids is there, and nobody's" {
  tare volume create deep
  local in=$TARE_ROOT/volumes/deep/_data/a/b/in
  mkdir -p "$in" "$BATS_TEST_TMPDIR/u" "$BATS_TEST_TMPDIR/w"
  mount -t tmpfs none "$BATS_TEST_TMPDIR/u"; mkdir "$BATS_TEST_TMPDIR/u/u" "$BATS_TEST_TMPDIR/u/w"
  mount -t overlay -o "lowerdir=$BATS_TEST_TMPDIR/w,upperdir=$BATS_TEST_TMPDIR/u/u,workdir=$BATS_TEST_TMPDIR/u/w" none "$in"
  local owners; owners=$(tare run --rm --mount type=volume,src=deep,dst=/x,volume-subpath=a/b busybox sh -c 'stat -c %u /x /x/in; touch /x/mine; touch /x/in/f 2>&1; true')
  run -0 tare run --rm -v "$TARE_ROOT/volumes/deep/_data:/x" busybox sh -c 'stat -c %u /x/a/b /x/a/b/in'
  mount -o remount,bind,ro "$in"
  local ro; ro=$(tare run --rm --mount type=volume,src=deep,dst=/x,volume-subpath=a/b,ro busybox sh -c 'test -d /x/in && echo there')
  umount "$in" "$BATS_TEST_TMPDIR/u"
  [ "$owners" = "$(printf '0\n65534\ntouch: /x/in/f: Permission denied')" ] || { echo "$owners"; return 1; }
  [ "$output" = "$(printf '0\n65534')" ] || { echo "$output"; return 1; }
  [ "$ro" = there ]
  tare volume rm deep
}

@test "keys that are none, or do not go together, are one line that says so" {
  local text
  while IFS='|' read -r text what; do
    run -125 tare run --rm --mount "$text" busybox true
    [[ "$output" == tare:*"--mount"*"$what"* && "${#lines[@]}" = 1 ]] || { echo "$text: $output"; return 1; }
  done <<'X'
type=bind,src=/a,taget=/x|did you mean "target"?
type=bind,src=/a,dst=/x,bind-propogation=private|did you mean "bind-propagation"?
type=bind,src=/a,dst=/x,tmpfs-size=1m|tmpfs-size does not go with type=bind
type=tmpfs,dst=/x,volume-nocopy,bind-nonrecursive|does not go with type=tmpfs
type=cluster,dst=/x|type "cluster" is not supported
type=bind,src=rel,dst=/x|absolute path
type=bind,src=/a,dst|what is missing is the value
src=vol|target=PATH is missing
X
  [ "$(tare volume ls -q)" = "" ]
  tare run --rm --mount type=tmpfs,dst=/x,consistency=cached busybox true 2>"$BATS_TEST_TMPDIR/said"
  grep -q "consistency means nothing on Linux" "$BATS_TEST_TMPDIR/said"
}

@test "update --mount-add, --mount-rm: while it runs, and for its next start" {
  mkdir "$BATS_TEST_TMPDIR/d"; echo host >"$BATS_TEST_TMPDIR/d/f"
  id=$(tare run -d --name live -v "$BATS_TEST_TMPDIR/d:/old" busybox sleep 1000)
  [ "$(tare update --mount-add "type=bind,src=$BATS_TEST_TMPDIR/d,dst=/new,ro" --mount-add src=vol,dst=/v --mount-add type=tmpfs,dst=/t,tmpfs-size=1m live)" = live ]
  [ "$(tare exec live cat /new/f)" = host ]
  run tare exec live sh -c 'touch /new/x 2>&1; echo 1 >/v/made; stat -c %u /v/made; grep " /t tmpfs .*size=1024k" /proc/mounts | wc -l'
  [[ "${lines[0]}" == *"Read-only"* && "${lines[1]}" = 0 && "${lines[2]}" = 1 ]]
  [ "$(stat -c %u:%g "$TARE_ROOT/volumes/vol/_data/made")" = 0:0 ]
  [ "$(tare inspect -f '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}}, {{end}}' live)" = "bind /old true, bind /new false, volume /v true, tmpfs /t true, " ]
  run -1 tare volume rm vol
  # a start begins with what there is now
  tare restart -t 0 live
  [ "$(tare exec live sh -c 'cat /new/f /v/made /old/f; grep -c " /t tmpfs" /proc/mounts' | tr '\n' ' ')" = "host 1 host 1 " ]
  tare update --mount-rm /new --mount-rm /old/ --mount-rm /v --mount-rm /t live
  [ "$(tare exec live sh -c 'ls /new /old /v /t')" = "$(printf '/new:\n\n/old:\n\n/t:\n\n/v:')" ]
  [ "$(tare inspect -f '{{len .Mounts}}' live)" = 0 ]
  tare volume rm vol
  tare restart -t 0 live
  [ "$(tare exec live grep -cE ' /(new|old|v|t) ' /proc/mounts || true)" = 0 ]
  # one that does not run
  tare stop -t 0 live
  tare update --mount-add "type=bind,src=$BATS_TEST_TMPDIR/d,dst=/again" live
  tare start live
  [ "$(tare exec live cat /again/f)" = host ]
  tare rm -f live
  [ "$(tare volume ls -q)" = "" ]
}

@test "update --mount-add: an empty volume gets what the image has in its place, as at the making of a container" {
  tare run -d --name live busybox sleep 1000
  [ "$(tare exec live ls /bin | grep -c '^sh$')" = 1 ]
  tare update --mount-add src=filled,dst=/bin --mount-add src=bare,dst=/etc,volume-nocopy live
  [ -e "$TARE_ROOT/volumes/filled/_data/sh" ]
  [ -z "$(ls "$TARE_ROOT/volumes/bare/_data" | grep -v -e hosts -e hostname -e resolv.conf)" ]
  [ "$(tare exec live ls /bin | grep -c '^sh$')" = 1 ]
  # once more elsewhere it stays as it is, and so does one that is not empty; one that does not run gets it, too
  tare exec live rm /bin/ash
  tare update --mount-add src=filled,dst=/etc/again live
  run -1 tare exec live test -e /etc/again/ash
  tare create --name down busybox
  tare update --mount-add src=filled,dst=/lib --mount-add src=third,dst=/bin down
  [ -e "$TARE_ROOT/volumes/third/_data/ash" ]
  tare rm -f live down
  tare volume rm filled bare third
}

@test "update --mount-add, --mount-rm: what cannot be is told, and changes nothing" {
  tare run -d --name firm -v "$BATS_TEST_TMPDIR:/b" busybox sleep 1000
  tare inspect -f '{{json .Mounts}}' firm >"$BATS_TEST_TMPDIR/before"
  local text
  for text in "type=bind,src=$BATS_TEST_TMPDIR/none,dst=/x" "type=bind,src=/tmp,dst=/b" "type=bind,src=/tmp" "type=bind,src=/tmp,dst=/proc/x" \
    "type=bind,src=/tmp,dst=/bin/busybox" "dst=/bin/busybox" "src=fresh,dst=/x,volume-subpath=none"; do
    run -1 tare update --mount-add "$text" firm
    [ "${#lines[@]}" = 1 ] || { echo "$text: $output"; return 1; }
  done
  run -1 tare update --mount-rm /nothing firm
  [[ "$output" == *"has no such mount"* ]]
  run -1 tare update --mount-rm /proc firm
  run -1 tare update --mount-add type=tmpfs,dst=/x nobody
  tare inspect -f '{{json .Mounts}}' firm | cmp - "$BATS_TEST_TMPDIR/before"
  [ "$(tare volume ls -q)" = fresh ]
  tare volume rm fresh
  tare update --mount-add dst=/anon firm
  [ "$(tare exec firm grep -c ' /anon ' /proc/mounts) $(tare volume ls -qf anonymous=true | wc -l)" = "1 1" ]
  tare rm -fv firm
  [ -z "$(tare volume ls -q)" ]
}

@test "update --mount-add that fails: a volume that the container has elsewhere stays its own" {
  tare run -d --name firm -v shared:/a busybox sleep 1000
  run -1 tare update --mount-add src=shared,dst=/bin/busybox firm
  run -1 tare volume rm shared
  [[ "$output" == *"in use by container"* ]]
  tare update --mount-add src=shared,dst=/b firm
  tare update --mount-rm /a firm
  run -1 tare volume rm shared
  tare update --mount-rm /b firm
  tare volume rm shared
  tare rm -f firm
}

@test "update with several mounts: all of them or none, also of those that go" {
  mkdir "$BATS_TEST_TMPDIR/d"; echo host >"$BATS_TEST_TMPDIR/d/f"
  tare run -d --name firm -v keep:/a busybox sleep 1000
  tare exec firm sh -c 'echo kept >/a/f'
  tare inspect -f '{{json .Mounts}}' firm >"$BATS_TEST_TMPDIR/before"
  run -1 tare update --mount-rm /a --mount-add "type=bind,src=$BATS_TEST_TMPDIR/d,dst=/one" --mount-add dst=/two --mount-add src=other,dst=/bin/busybox firm
  [ "${#lines[@]}" = 1 ]
  tare inspect -f '{{json .Mounts}}' firm | cmp - "$BATS_TEST_TMPDIR/before"
  [ "$(tare exec firm cat /a/f)" = kept ]
  [ "$(tare exec firm grep -cE ' /(one|two) ' /proc/mounts || true)" = 0 ]
  [ "$(tare volume ls -qf anonymous=true)" = "" ]
  run -1 tare volume rm keep
  tare volume rm other
  run -1 tare update --mount-rm /a --mount-rm /a firm
  run -1 tare update --mount-add dst=/two --mount-rm /nowhere firm
  tare inspect -f '{{json .Mounts}}' firm | cmp - "$BATS_TEST_TMPDIR/before"
  # one exchanged for another at the same place
  tare update --mount-rm /a --mount-add "type=bind,src=$BATS_TEST_TMPDIR/d,dst=/a" firm
  [ "$(tare exec firm cat /a/f)" = host ]
  tare volume rm keep
  tare restart -t 0 firm
  [ "$(tare exec firm cat /a/f)" = host ]
  tare rm -f firm
}

@test "update --mount-rm: of what the container has unmounted itself" {
  tare run -d --name own --cap-add SYS_ADMIN --security-opt seccomp=unconfined -v data:/v -v /x busybox sleep 1000
  tare exec own umount /v
  tare update --mount-rm /v --mount-rm /x own
  [ "$(tare inspect -f '{{len .Mounts}}' own)" = 0 ]
  tare volume rm data
  tare restart -t 0 own
  [ "$(tare exec own grep -cE ' /(v|x) ' /proc/mounts || true)" = 0 ]
  tare rm -f own
  tare volume prune -af >/dev/null
}

@test "update --mount-rm: not of a mount that each container has; what was put over one goes" {
  tare run -d --name usual -v shm:/dev/shm busybox sleep 1000
  local place
  for place in /proc /dev /dev/pts /sys /dev/mqueue /dev/shm /etc/hosts /etc/resolv.conf; do
    run -1 tare update --mount-rm "$place" usual
    [[ "$output" == *"--mount-rm $place: "*"each container has"* && "${#lines[@]}" = 1 ]] || { echo "$place: $output"; return 1; }
  done
  tare rm -f usual
  tare run -d --name usual busybox sleep 1000
  tare update --mount-add src=shm,dst=/dev/shm usual
  tare exec usual touch /dev/shm/in-volume
  tare restart -t 0 usual
  [ "$(tare exec usual ls /dev/shm)" = in-volume ]
  tare update --mount-rm /dev/shm usual
  [ "$(tare exec usual sh -c 'ls /dev/shm; grep -c " /dev/shm tmpfs" /proc/mounts')" = 1 ]
  tare restart -t 0 usual
  [ "$(tare exec usual sh -c 'ls /dev/shm; grep -c " /dev/shm tmpfs" /proc/mounts')" = 1 ]
  tare rm -f usual
  tare volume rm shm
}

@test "a volume at /etc does not hide the container's names" {
  mkdir "$BATS_TEST_TMPDIR/etc"; echo 'root:x:0:0:::' >"$BATS_TEST_TMPDIR/etc/passwd"
  [ "$(tare run --rm --hostname me --add-host other:192.0.2.7 -v "$BATS_TEST_TMPDIR/etc:/etc" busybox \
    sh -c 'cat /etc/hostname; grep -c 192.0.2.7 /etc/hosts; cat /etc/passwd; test -s /etc/resolv.conf && echo names' | xargs)" = "me 1 root:x:0:0::: names" ]
  # unless one of them is the user's
  echo mine >"$BATS_TEST_TMPDIR/hosts"
  [ "$(tare run --rm -v "$BATS_TEST_TMPDIR/etc:/etc" -v "$BATS_TEST_TMPDIR/hosts:/etc/hosts" busybox cat /etc/hosts)" = mine ]
  # one that comes later: at once, and at the next start
  tare run -d --name later --hostname me --add-host other:192.0.2.7 busybox sleep 1000
  tare update --mount-add src=etc,dst=/etc later
  tare exec later sh -c 'grep 192.0.2.7 /etc/hosts && grep me /etc/hostname'
  tare restart -t 0 later
  tare exec later sh -c 'grep 192.0.2.7 /etc/hosts && grep me /etc/hostname && touch /etc/in-volume'
  tare update --mount-rm /etc later
  [ "$(tare exec later sh -c 'ls /etc/in-volume 2>/dev/null; grep -c 192.0.2.7 /etc/hosts; grep -c " /etc " /proc/mounts' | xargs)" = "1 0" ]
  tare rm -f later
  tare volume rm etc
}
