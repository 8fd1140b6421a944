#!/usr/bin/env bats
# tare of an ordinary user: his containers, in a user namespace of his, and their networks by pasta and slirp4netns.
load ../lib/common
load ../lib/network
load ../lib/user
load ../lib/rootless
load ../lib/registry

setup_file() { tare_setup_file; world_up; rootless_setup; servers_up; }
teardown_file() {
  local r=0
  # shellcheck disable=SC2086
  kill $SERVERS
  rootless_teardown || r=1
  world_down
  tare_teardown_file && return $r
}
teardown() {
  [ ! -e "$BATS_TEST_TMPDIR/pids" ] || xargs kill <"$BATS_TEST_TMPDIR/pids" 2>/dev/null || true
  user_remove_all
}

LIB=$BATS_TEST_DIRNAME/../lib

# What answers outside.
servers_up() {
  local out=(nsenter --net="/proc/$OUTSIDE/ns/net")
  # one that closes while something is unread resets the connection, and what it said may be lost
  "${out[@]}" busybox nc -ll -p 8000 -e sh -c 'read _; echo outside' 3>&- >/dev/null 2>&1 & SERVERS=$!
  "${out[@]}" python3 "$LIB/udp.py" serve 8001 by-udp 3>&- & SERVERS+=" $!"
  "${out[@]}" python3 "$LIB/dns.py" serve 192.0.2.2 3>&- & SERVERS+=" $!"
  export SERVERS
  wait_until 5 outside sh -c 'ss -lun | grep -q :53'
}

ustate() { [ "$(utare inspect "$1" | jq -r ".[0].$2")" = "$3" ]; }

@test "events and wait, as root has them" {
  "$U/as" timeout 30 tare events --filter container=told --format '{{.Action}}' >"$BATS_TEST_TMPDIR/events" 3>&- & echo $! >"$BATS_TEST_TMPDIR/pids"
  wait_until 10 bash -c "ls -l /proc/\$(pgrep -P $!)/fd 2>/dev/null | grep -q inotify"
  utare run -d --name told --network none busybox sh -c 'sleep 1; exit 6'
  utare exec told true
  [ "$("$U/as" timeout 20 tare wait --condition next-exit told)" = 6 ]
  utare rm told
  [ "$(utare events --since 1h --until 0s --filter container=told --format '{{.Action}}' | paste -sd,)" = "create,start,exec_create: true ,exec_start: true ,exec_die,die,destroy" ]
  wait_until 5 bash -c "[ \$(wc -l <'$BATS_TEST_TMPDIR/events') = 7 ]"
}

@test "restart policies and health checks, as root has them" {
  utare run -d --name again --network none --restart on-failure:2 busybox sh -c 'echo x; exit 4'
  wait_until 20 ustate again State.Status exited
  ustate again RestartCount 2
  [ "$(utare logs again | wc -l)" = 3 ]
  utare run -d --name waits --network none --restart always busybox false
  wait_until 20 ustate waits RestartCount 4
  utare stop waits
  ustate waits State.Status exited
  utare run -d --name well --network none --health-interval 100ms --health-timeout 300ms --health-retries 1 \
    --health-cmd 'test -e /ok || sleep 7777' busybox sleep 1000
  wait_until 10 ustate well State.Health.Status unhealthy
  utare exec well touch /ok
  wait_until 10 ustate well State.Health.Status healthy
  run ! is_there 'sleep 7777'
}

@test "run, exec, logs, top, stop, start, rm, inspect: as root has them" {
  run -0 utare images -q
  [ -n "$output" ]
  run -7 utare run --rm --network none busybox sh -c 'id -u; cat /proc/self/uid_map; exit 7'
  [ "${lines[0]}" = 0 ]
  [[ "${lines[1]}" =~ ^\ +0\ +0\ +1$ ]]
  utare run -d --name one --network none busybox sh -c 'echo said; trap "exit 3" TERM; while :; do sleep 0.1; done' >/dev/null
  wait_until 5 sh -c "'$U/as' tare logs one | grep -q said"
  run -0 utare exec one sh -c 'echo in; hostname'
  [ "${lines[0]}" = in ]
  run -0 utare top one
  [[ "$output" == *"trap"* ]]
  utare stop one
  run -0 utare ps -a
  [[ "$output" == *"Exited (3)"* ]]
  utare start one
  run -0 utare ps
  [[ "$output" == *one* ]]
  [ "$(utare inspect one | jq -r '.[0].HostConfig.UsernsMode, .[0].Cgroup')" = "$(printf '\nnull')" ]
  utare rm -f one
  run -0 utare run --rm -i --network none busybox cat <<<"through"
  [ "$output" = through ]
  run -0 utare run --rm -t --network none busybox tty
  [[ "$output" == /dev/pts/0* ]]
  run -0 utare run --rm "${INIT[@]}" --network none busybox sh -c 'cat /proc/1/comm'
  run -0 utare run --rm --userns=host --network none busybox sh -c 'cat /proc/self/uid_map'
  [[ "$output" == *"$USER_ID"* ]]
  utare run -d --privileged --name two --network none busybox sleep 1000 >/dev/null
  run -0 utare exec two sh -c 'grep CapEff /proc/self/status; mount -t tmpfs none /tmp; ls /dev/null'
  run -0 utare exec --user 7:8 two id -u
  [ "$output" = 7 ]
  utare rm -f two
  utare import - imported:1 < <(tar -c -C "$U/rootfs" .) >/dev/null
  utare history imported:1 >/dev/null
  utare system df >/dev/null
  utare system info >/dev/null
  utare rmi imported:1
  utare system prune -f >/dev/null
}

@test "his folders are where users keep things, and nobody else's" {
  [ "$(stat -c '%a %u' "$U/home/.local/share/tare")" = "700 $USER_ID" ]
  [ "$(stat -c '%a %u' "$TARE_USER_STATE")" = "700 $USER_ID" ]
  user env -u XDG_RUNTIME_DIR tare ps >/dev/null
  [ "$(stat -c '%a %u' "/tmp/tare-$USER_ID")" = "700 $USER_ID" ]
  user env XDG_RUNTIME_DIR=/run/user/0 tare ps >/dev/null
  # somebody else was there first
  rm -rf "/tmp/tare-$USER_ID"
  mkdir -m 777 "/tmp/tare-$USER_ID"
  run -1 user env -u XDG_RUNTIME_DIR tare ps
  rmdir "/tmp/tare-$USER_ID"
  [[ "$output" == *"belongs to somebody else (uid 0)"* ]]
  mkdir -m 777 "$U/home/open"
  chown $USER_ID:$USER_ID "$U/home/open"; chmod 777 "$U/home/open"
  run -1 utare --root "$U/home/open/root" volume create vv
  [[ "$output" == *"others may write to $U/home/open"* ]]
  run -1 utare --root "$U/home/open" ps
  [[ "$output" == *"others may write to $U/home/open"* ]]
  # a group of his own may write there, one that others are in may not
  chmod 775 "$U/home/open"
  utare --root "$U/home/open/root" volume create vv
  sed -i "s/^user:x:$USER_ID:$/&daemon/" "$U/etc/group"
  run -1 utare --root "$U/home/open/root" volume create vv
  sed -i "s/^user:x:$USER_ID:daemon$/user:x:$USER_ID:/" "$U/etc/group"
  [[ "$output" == *"others may write to $U/home/open"* ]]
  chown :nogroup "$U/home/open"
  run -1 utare --root "$U/home/open/root" volume create vv
  [[ "$output" == *"others may write to $U/home/open"* ]]
  # whose link it was that led there does not matter later on
  ln -s "$U/home/.local/share/tare" "/tmp/tare-root-$USER_ID"
  run -0 utare --root "/tmp/tare-root-$USER_ID" create --name linked busybox true
  run -0 utare --root "/tmp/tare-root-$USER_ID" inspect linked
  rm "/tmp/tare-root-$USER_ID"
  utare rm linked
  [[ "$(jq -r '.[0].LogPath' <<<"$output")" == "$U/home/.local/share/tare/"* ]]
}

@test "files: root in the container is the user, others have the ids set aside for him" {
  user mkdir "$U/home/files"
  utare run --rm --network none -v "$U/home/files:/f" busybox sh -c 'echo mine >/f/mine; touch /f/other; chown 5:7 /f/other'
  [ "$(stat -c '%u:%g' "$U/home/files/mine")" = "$USER_ID:$USER_ID" ]
  [ "$(stat -c '%u:%g' "$U/home/files/other")" = "$((USER_RANGE + 4)):$((USER_RANGE + 6))" ]
  # what is not his stays shut
  install -d -m 700 "$U/shut"
  run -125 utare run --rm --network none -v "$U/shut/in:/f" busybox true
  [[ "$output" == *"Permission denied"* ]]
  rm -rf "$U/home/files" "$U/shut"
}

@test "labels from a file, annotations, a folder of devices, --cgroupns host and --ipc none are a user's, too" {
  echo 'from=file' >"$U/home/labels"
  utare create --name noted --network none --label-file "$U/home/labels" --annotation a=1 busybox true
  [ "$(utare inspect -f '{{.Config.Labels.from}} {{.HostConfig.Annotations.a}}' noted)" = "file 1" ]
  utare rm noted
  [ "$(utare run --rm --network none --cgroupns host busybox readlink /proc/self/ns/cgroup)" = "$(readlink /proc/self/ns/cgroup)" ]
  utare run --rm --network none --ipc none busybox sh -c '[ ! -e /dev/shm ]'
  mkdir "$U/home/d"; mknod -m 0666 "$U/home/d/null" c 1 3
  utare run --rm --network none --device "$U/home/d:/dev/there" busybox sh -c 'echo x >/dev/there/null'
  utare run -d --name owner --network none --ipc shareable busybox sleep 100
  utare exec owner sh -c 'echo by-owner >/dev/shm/f'
  [ "$(utare run --rm --network none --ipc container:owner busybox cat /dev/shm/f)" = by-owner ]
  utare rm -f owner
}

@test "volumes: as root has them, the files with his ids" {
  utare volume create --label a=1 mine
  utare run --rm --network none -v mine:/data -v /anon busybox sh -c 'echo kept >/data/f; chown 5:7 /data/f; stat -c %u:%g /data'
  at=$(utare volume inspect -f '{{.Mountpoint}}' mine)
  [ "$(stat -c '%u:%g' "$at/f")" = "$((USER_RANGE + 4)):$((USER_RANGE + 6))" ]
  [ "$(utare run --rm --network none --mount src=mine,dst=/d,ro busybox stat -c %u:%g /d/f)" = 5:7 ]
  utare volume create -o type=tmpfs -o o=size=1m memory
  utare run --rm --network none -v memory:/m busybox sh -c 'grep " /m tmpfs .*size=1024k" /proc/mounts'
  [ "$(utare volume ls -q | tr '\n' ' ')" = "memory mine " ]
  utare run -d --network none --name has -v mine:/d -v /bin busybox sleep 1000
  run -1 utare volume rm mine
  utare update --mount-add src=mine,dst=/more has
  [ "$(utare exec has stat -c %u:%g /more/f)" = 5:7 ]
  utare update --mount-rm /more has
  utare update --mount-add type=image,src=busybox,dst=/image has
  [ "$(utare exec has sh -c 'cmp /image/bin/busybox /bin/busybox && stat -c %u:%g /image/bin; touch /image/x 2>/dev/null || echo ro' | xargs)" = "0:0 ro" ]
  utare rm -fv has
  [ "$(utare run --rm --network none --mount type=image,src=busybox,dst=/i,image-subpath=bin --mount type=image,src=busybox,dst=/w busybox \
    sh -c 'cmp /i/busybox /w/bin/busybox && touch /i/x 2>/dev/null || echo ro')" = ro ]
  [ "$(utare volume prune -af | grep -c .)" = 4 ]
  [ "$(ls -A "${at%/*/*}")" = "" ]
}

@test "build: a layer has the ids of the image" {
  user mkdir -p "$U/home/ctx"
  user sh -c "echo a >'$U/home/ctx/a'; printf 'FROM busybox\nCOPY --chown=5:6 a /a\nRUN --network=none mkdir /d && chown 7:8 /d && rm /etc/group\nRUN --network=none test ! -e /etc/group\n' >'$U/home/ctx/Dockerfile'"
  run -0 utare build -t built "$U/home/ctx"
  run -0 utare run --rm --network none built stat -c %u:%g /a /d
  [ "$output" = $'5:6\n7:8' ]
  run -0 utare build -t built "$U/home/ctx"
  [ "$(grep -c 'using the cache' <<<"$output")" -eq 3 ]
}

@test "build: repositories, URLs and an ssh agent of an ordinary user" {
  load ../lib/web; load ../lib/git
  web_start; git_start; git_repository r; git_commit r f git >/dev/null; echo web >"$(web_dir)/www/w"
  cp "$TARE_BIN/tare-transfer" "$U/bin/"
  mkdir -p "$U/home/in"; cp "$TARE_BUILD/tests/lib/ask-agent" "$U/home/in"; ssh-keygen -q -t ed25519 -N '' -f "$U/home/in/key"
  printf 'FROM busybox\nADD %s /r\nADD %s /w\nCOPY ask-agent /\nRUN --mount=type=ssh --network=none /ask-agent 11 >/a\n' "$(git_url r)" "$(web)/f/w" >"$U/home/in/Dockerfile"
  chown -R "$USER_ID:$USER_ID" "$U/home/in"
  run utare build -t in --ssh default="$U/home/in/key" "$U/home/in"; web_stop; git_stop
  [ "$status" = 0 ] || { echo "$output"; false; }
  [ "$(utare run --rm --network none in sh -c 'cat /r/f /w /a; stat -c %u:%g /r/f /w' | tr '\n' ' ')" = "gitweb 11: 12 1 keys 0:0 0:0 " ]
}

@test "commit, export, build -o: the ids of the image, the files his" {
  utare run --name box busybox sh -c 'mkdir /d; echo 1 >/d/f; chown 5:6 /d/f; rm /bin/ls'
  run -0 utare commit -c 'CMD ["cat", "/d/f"]' box committed
  [ "$(utare run --rm committed)" = 1 ]
  run -0 utare run --rm committed sh -c 'stat -c %u:%g /d/f; test ! -e /bin/ls'
  [ "$output" = 5:6 ]
  utare export -o "$U/home/w.tar" box
  tar -tvf "$U/home/w.tar" d/f | grep -q ' 5/6 '
  utare rm box
  utare run -d --name box busybox sleep 60
  run -0 utare commit box again
  [[ "$output" == *"cannot be paused"* ]]
  utare rm -f box
  printf 'FROM busybox\nRUN mkdir /d; echo 1 >/d/f; chown 5:6 /d/f\n' >"$U/home/Out"
  run -0 utare build -f "$U/home/Out" -o "$U/home/out" "$U/home"
  [ "$(stat -c %u "$U/home/out/d/f")" = "$USER_ID" ]
  run -0 utare rmi committed again
}

@test "build: what the user may not read, nor become the owner of, is told in one line" {
  local what
  mkdir -p "$U/home/closed/d"; echo x >"$U/home/closed/d/f"; printf 'FROM busybox\nCOPY . /c\n' >"$U/home/closed/Dockerfile"
  chown -R "$USER_ID:$USER_ID" "$U/home/closed"
  for what in "$U/home/closed/d" "$U/home/closed/d/f"; do
    chown 0:0 "$what"; chmod 0 "$what"
    run -1 utare build -q "$U/home/closed"
    [ "${#lines[@]}" = 1 ]
    [[ "$output" =~ ^"tare: Dockerfile: line 2: COPY . /c: d: ".*"Permission denied"$ ]] || { echo "$output"; return 1; }
    chown "$USER_ID:$USER_ID" "$what"; chmod 700 "$what"
  done
  for what in Dockerfile .dockerignore; do
    touch "$U/home/closed/$what"; chown 0:0 "$U/home/closed/$what"; chmod 0 "$U/home/closed/$what"
    run -1 utare build -q "$U/home/closed"
    [ "$output" = "tare: $what: Permission denied" ] || { echo "$output"; return 1; }
    chown "$USER_ID:$USER_ID" "$U/home/closed/$what"; chmod 600 "$U/home/closed/$what"
  done
  # a device cannot be made by who is no root of the machine
  mknod "$U/home/closed/null" c 1 3
  run -1 utare build -q "$U/home/closed"
  [[ "$output" == "tare: Dockerfile: line 2: COPY . /c: null: "*"Operation not permitted"* ]] || { echo "$output"; return 1; }
  rm "$U/home/closed/null"
  run -0 utare build -q "$U/home/closed"
}

@test "build: stages at the same time; root's store gets the same image" {
  user mkdir -p "$U/home/two"
  user sh -c "cat >'$U/home/two/Dockerfile'" <<'D'
FROM busybox AS a
RUN --network=none mkdir /d && echo a >/d/a && chown -R 7:8 /d && ln /d/a /d/b && chmod 4711 /d/a
FROM busybox AS b
RUN --network=none echo b >/b && rm -r /var && mkdir /var && chown 9:9 /b
FROM a
COPY --from=b /b /d/
COPY . /ctx
RUN --network=none rm /d/a; id -u >/who
D
  run -0 utare build --jobs 2 -t two "$U/home/two"
  one=$(utare images --digests --no-trunc two | awk 'NR == 2 { print $3 }')
  [[ "$one" == sha256:* ]]
  tare load -q -i "$U/busybox.tar"
  run -0 tare build --jobs 1 -t two "$U/home/two"
  [ "$(tare images --digests --no-trunc two | awk 'NR == 2 { print $3 }')" = "$one" ]
}

@test "images: whiteouts and opaque folders hold, devices are left out, too high an id is named" {
  local w=$BATS_TEST_TMPDIR
  mkdir -p "$w/a/d" "$w/a/bin" "$w/dev/dev"
  cp "$(command -v busybox)" "$w/a/bin/busybox"
  ln -sf busybox "$w/a/bin/sh"; ln -sf busybox "$w/a/bin/ls"
  echo low >"$w/a/d/low"; echo gone >"$w/a/gone"
  mknod "$w/dev/dev/sda" b 8 0; mkfifo "$w/dev/dev/pipe"
  tar -cf "$w/1.tar" -C "$w/a" .
  mkdir -p "$w/b/d"; touch "$w/b/d/.wh..wh..opq" "$w/b/.wh.gone"; echo high >"$w/b/d/high"
  tar -cf "$w/2.tar" -C "$w/b" .
  tar -cf "$w/3.tar" -C "$w/dev" .
  python3 "$LIB/docker_archive.py" "$w/l.tar" layered:1 "$w/1.tar" "$w/2.tar" "$w/3.tar"
  utare load -q <"$w/l.tar"
  run utare run --rm --network none layered:1 busybox ls /d /gone
  [[ "$output" == *high* ]] && [[ "$output" != *low* ]] && [[ "$output" == *"/gone: No such file"* ]]
  # a folder that the container removes and makes again hides the image's, too
  run -0 utare run --rm --network none layered:1 sh -c 'busybox rm -r /d && busybox mkdir /d && busybox touch /d/new && busybox ls /d'
  [ "$output" = new ]
  touch "$w/f"; tar --owner=70000 --group=70000 -cf "$w/4.tar" -C "$w" f
  python3 "$LIB/docker_archive.py" "$w/h.tar" high:1 "$w/4.tar"
  run -1 user tare load -q <"$w/h.tar"
  [[ "$output" == *"it belongs to 70000:70000"*"/etc/subuid"* ]]
  utare rmi layered:1
}

@test "login, pull, push, copy: with his login, in his folders, also through a socket of his" {
  registry_start --auth basic --user me:secret
  registry_put app:1 "$(busybox_archive)" >/dev/null
  local name; name=$(registry)/app
  run -1 utare pull -q "$name:1"
  [[ "$output" == *"wants a login: tare login $(registry)"* ]]
  utare login "$(registry)" -u me --password-stdin <<<secret
  [ "$(stat -c '%U %a' "$U/home/.docker/config.json")" = "$(stat -c %U "$U/home") 600" ]
  utare pull -q "$name:1"
  [ "$(utare run --rm --network none "$name:1" echo hello)" = hello ]
  utare tag "$name:1" "$name:2"
  utare push -q "$name:2"
  [ "$(skopeo inspect --tls-verify=false --creds me:secret --format '{{.Digest}}' "docker://$name:2")" = "$(utare image inspect "$name:2" | jq -r '.[0].Manifest')" ]
  utare image copy -q "docker://$name:1" "oci:$U/home/layout:x"
  [ "$(stat -c %U "$U/home/layout/index.json")" = "$(stat -c %U "$U/home")" ]
  utare image copy -q "oci:$U/home/layout:x" "docker://$name:3"
  utare logout "$(registry)"
  run -1 utare push -q "$name:2"
  [[ "$output" == *login* ]]
  registry_start -n sock --unix "$U/run/r.sock"
  chown "$USER_ID:$USER_ID" "$U/run/r.sock"; chmod 600 "$U/run/r.sock"
  R=sock registry_put app:1 "$(busybox_archive)" >/dev/null
  mkdir -p "$U/home/.config/tare"
  printf '[[registry]]\nprefix = "by.socket"\nlocation = "unix://%s"\n' "$U/run/r.sock" >"$U/home/.config/tare/registries.conf"
  utare pull -q by.socket/app:1
  utare tag by.socket/app:1 by.socket/app:2
  utare push -q by.socket/app:2
  rm -r "$U/home/.config/tare"
  run -1 utare image mount "$name:1"
  [[ "$output" == *"an ordinary user's mount would be seen by tare alone: tare image export gives the image's files"* ]]
  utare image export "$name:1" | tar -t >"$BATS_TEST_TMPDIR/names"
  grep -q '^bin/busybox$' "$BATS_TEST_TMPDIR/names"
  registry_stop
  utare rmi -f "$name:1" "$name:2" by.socket/app:1 by.socket/app:2 >/dev/null
}

@test "what takes root says so" {
  local o
  for o in "--memory 64m" "--cpus 1" "--pids-limit 10" "--cpu-shares 100" "--cpuset-cpus 0" "--oom-kill-disable" "--memory-swappiness 5" "--blkio-weight 100" "--device-read-bps /dev/nosuch:1mb" "--cpu-rt-runtime 10"; do
    # shellcheck disable=SC2086
    run -125 utare run --rm --network none $o busybox true
    [[ "$output" == *"${o%% *} needs a cgroup"* ]]
  done
  run -125 utare run --rm --network none --device-cgroup-rule a busybox true
  [[ "$output" == *"--device-cgroup-rule: rules for devices are root's to make"* ]]
  run -125 utare run --rm --network none --storage-opt size=1m busybox true
  [[ "$output" == *"--storage-opt: only root may limit"* ]]
  run -1 utare volume create -o size=1m limited
  [[ "$output" == *"--opt size: only root may limit"* ]]
  run -125 utare run --rm --network none --cgroup-parent /x busybox true
  [[ "$output" == *"--cgroup-parent"* ]]
  run -125 utare run --rm --network none --pid host busybox true
  [[ "$output" == *"--pid=host"* ]]
  run -125 utare run --rm --network none --userns range:1000000 busybox true
  [[ "$output" == *"only root may choose ids"* ]]
  run -125 utare run --rm --network none -v "$U/home:/h:idmap" busybox true
  [[ "$output" == *"only root may map"* ]]
  run -125 utare run --rm --network none --user 70000 busybox true
  [[ "$output" == *"id 70000"*"/etc/subuid"* ]]
  run -125 utare run --rm --network mine busybox true
  [[ "$output" == *"--network mine takes root"* ]]
  run -125 utare run --rm --ip 10.0.2.7 busybox true
  [[ "$output" == *"--ip needs a network of tare's"* ]]
  run -1 utare network create mine
  [[ "$output" == *"networks take root"* ]]
  utare run -d --network none --name one busybox sleep 100 >/dev/null
  run -1 utare pause one
  [[ "$output" == *"has no cgroup"* ]]
  # and root has no use for a user's
  load_busybox
  run -125 tare run --rm --network pasta busybox true
  [[ "$output" == *"ordinary user"* ]]
}

@test "no ids set aside, no newuidmap: what is missing is said" {
  cp "$U/etc/subuid" "$BATS_TEST_TMPDIR/"
  : >"$U/etc/subuid"
  run -1 utare ps
  cp "$BATS_TEST_TMPDIR/subuid" "$U/etc/subuid"
  [[ "$output" == *"no ids are set aside for user in /etc/subuid"*usermod* ]]
  [ "${#lines[@]}" = 1 ]
  echo "user:5:65536" >"$U/etc/subgid.new"; echo "user:$((USER_RANGE + 100000)):10" >"$U/etc/subuid"
  rm "$U/etc/subgid.new"
  run -0 utare ps
  run -125 utare run --rm --network none --user 11 busybox true
  [[ "$output" == *"id 11"*"11 ids are yours"* ]]
  cp "$BATS_TEST_TMPDIR/subuid" "$U/etc/subuid"
  wait_until 5 user_is_gone
  mkdir "$BATS_TEST_TMPDIR/bin"
  ln -s /usr/bin/env "$BATS_TEST_TMPDIR/bin/env"
  chmod 755 "$BATS_TEST_TMPDIR"
  run -1 user env PATH="$U/bin" "$U/bin/tare" ps
  [[ "$output" == *"newuidmap, which is not in PATH"*uidmap* ]]
}

# ---- networks ----

@test "pasta is the usual network: an address, names, a way out by TCP, UDP and IPv6" { way_out ""; }
@test "slirp4netns: an address, names, a way out by TCP and UDP" { way_out slirp4netns; }

way_out() { # NETWORK
  local net=() udp
  [ -z "$1" ] || net=(--network "$1")
  run -0 utare run --rm "${net[@]}" --hostname me --add-host other:192.0.2.2 busybox sh -c '
    ip -4 -o addr show eth0; ip route; cat /etc/hosts /etc/resolv.conf
    (echo; sleep 1) | timeout 5 nc 192.0.2.2 8000
    timeout 5 nslookup some.example
    [ -n "'"$1"'" ] || (echo; sleep 1) | timeout 5 nc 2001:db8::2 8000 | sed "s/^/by six: /"
    true'
  echo "$output"
  utare run -d --name asks "${net[@]}" busybox sleep 100 >/dev/null
  udp=$(nsenter --net="$(netns_of asks)" python3 "$LIB/udp.py" ask 192.0.2.2 8001 40000 5)
  [[ "$output" == *"inet 10.0.2.100/24"* ]]
  [[ "$output" == *"default via 10.0.2.2 dev eth0"* ]]
  [[ "$output" == *"10.0.2.100"*me* ]]
  [[ "$output" == *"192.0.2.2"*other* ]]
  [[ "$output" == *"nameserver 10.0.2.3"* ]]
  [[ "$output" == *outside* ]]
  [[ "$udp" == *"by-udp 192.0.2.1"* ]]
  [[ "$output" == *198.51.100.7* ]]
  [ -n "$1" ] || [[ "$output" == *"by six: outside"* ]]
}
netns_of() { echo "/proc/$(utare inspect "$1" | jq '.[0].State.Pid')/ns/net"; }

@test "names, where the host's resolver is a stub on a loopback address; --dns" {
  local n
  python3 "$LIB/dns.py" serve 127.0.0.53 3>&- & echo $! >"$BATS_TEST_TMPDIR/pids"
  wait_until 5 sh -c 'ss -lun | grep -q 127.0.0.53:53'
  for n in pasta slirp4netns; do
    echo "nameserver 127.0.0.53" >"$U/etc/resolv.conf"
    run utare run --rm --network $n busybox timeout 5 nslookup some.example
    echo "nameserver 192.0.2.2" >"$U/etc/resolv.conf"
    [[ "$output" == *198.51.100.7* ]]
    run -0 utare run --rm --network $n --dns 192.0.2.2 --dns-search a.example busybox cat /etc/resolv.conf
    [ "${lines[0]}" = "nameserver 192.0.2.2" ]
    [ "${lines[1]}" = "search a.example" ]
  done
}

@test "pasta: published ports, from the host's loopback and from outside, TCP and UDP, ranges" { ports pasta; }
@test "slirp4netns: published ports, from the host's loopback and from outside, TCP and UDP, ranges" { ports slirp4netns; }

ports() { # NETWORK
  local six=()
  [ "$1" = slirp4netns ] || six=(-p '[::1]:8084:80')
  userve web 80 hello --network "$1" "${six[@]}" -p 8080:80 -p 127.0.0.1:8090-8092:7000-7002 -p 5353:5353/udp -p 81
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == hello* ]]
  [ "$1" = slirp4netns ] || [[ "$(ask ::1 8080)" == hello* ]]
  [ "$1" = slirp4netns ] || [[ "$(ask ::1 8084)" == hello* ]]
  utare exec -d web sh -c 'exec nc -ll -p 7001 -e echo ranged'
  nsenter --net="$(netns_of web)" python3 "$LIB/udp.py" serve 5353 datagram 3>&- & echo $! >"$BATS_TEST_TMPDIR/pids"
  wait_until 5 utare exec web sh -c "netstat -ltun | grep -q ':5353 ' && netstat -ltn | grep -q ':7001 '"
  [[ "$(ask 127.0.0.1 8091)" == ranged* ]]
  run ask_from_outside 192.0.2.1 8091
  [ -z "$output" ]
  [[ "$(outside python3 "$LIB/udp.py" ask 192.0.2.1 5353 40001 5)" == datagram* ]]
  # slirp4netns drops the answers to the host's loopback, which the container is not to reach
  [ "$1" = slirp4netns ] || [[ "$(python3 "$LIB/udp.py" ask 127.0.0.1 5353 40001 5)" == datagram* ]]
  # nothing else leads there
  run sh -c "ss -Hltun | awk '{ print \$5 }' | sed 's/.*://' | sort -un | tr '\n' ' '"
  [[ "$output" =~ ^"5353 8080 "(8084 )?"8090 8091 8092 "[0-9]+" "$ ]]
  run -0 utare port web
  [[ "$output" == *"80/tcp -> 0.0.0.0:8080"* ]]
  [[ "$output" == *"7001/tcp -> 127.0.0.1:8091"* ]]
  [[ "$output" == *"5353/udp -> 0.0.0.0:5353"* ]]
  [ "$(utare inspect web | jq -r '.[0].NetworkSettings.Ports["80/tcp"][0].HostPort, .[0].HostConfig.NetworkMode, .[0].NetworkSettings.IPAddress')" = "$(printf '8080\n%s\n10.0.2.100' "$1")" ]
  run -0 utare ps
  [[ "$output" == *"0.0.0.0:8080->80/tcp"* ]]
  [ "$1" = pasta ] || [[ "$output" != *"[::]:8080"* ]]
  # again, with what it had
  utare stop -t 0 web
  utare start web
  wait_until 5 utare exec web sh -c "netstat -ltn | grep -q ':80 '"
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  # a port is one container's, and is free as soon as its container has gone
  run -125 utare run --rm --network "$1" -p 8080:80 busybox true
  [[ "$output" == *"port 8080/tcp of the host is in use"* ]]
  utare rm -f web
  utare run --rm --network "$1" -p 8080:80 -p 127.0.0.1:8090-8092:7000-7002 busybox true
}

@test "ports that he may not have, or the program does not know" {
  run -125 utare run --rm -p 80:80 busybox true
  [[ "$output" == *"port 80 is not for an ordinary user"*ip_unprivileged_port_start* ]]
  run -125 utare run --rm -p 8080:80/sctp busybox true
  [[ "$output" == *"pasta knows ports of tcp and udp"* ]]
  run -125 utare run --rm --network slirp4netns -p '[::1]:8080:80' busybox true
  [[ "$output" == *"no ports of IPv6 addresses"* ]]
  busybox nc -ll -p 8099 -e true 3>&- & local pid=$!
  wait_until 5 sh -c 'ss -ltn | grep -q :8099'
  run -125 utare run --rm -p 8099:80 busybox true
  kill $pid
  [[ "$output" == *"port 8099/tcp of the host is in use"* ]]
  [ -z "$(utare ps -aq)" ]
}

@test "options of the networks; what listens on the host's loopback is not to be reached, unless asked for" {
  local n o
  python3 -c 'import socket
s = socket.create_server(("127.0.0.1", 8077))
while True:
    c, _ = s.accept()
    c.recv(1)
    c.sendall(b"secret\n")
    c.close()' 3>&- & echo $! >"$BATS_TEST_TMPDIR/pids"
  wait_until 5 sh -c 'ss -ltn | grep -q :8077'
  for n in pasta slirp4netns; do
    run utare run --rm --network $n busybox sh -c '(echo; sleep 1) | timeout 3 nc 10.0.2.2 8077; (echo; sleep 1) | timeout 3 nc 127.0.0.1 8077'
    [[ "$output" != *secret* ]]
    run utare run --rm --network $n:allow_host_loopback=true --add-host host.docker.internal:host-gateway busybox sh -c '(echo; sleep 1) | timeout 3 nc host.docker.internal 8077'
    [[ "$output" == *secret* ]]
    run -0 utare run --rm --network $n:mtu=1400,cidr=10.7.0.0/16 busybox sh -c 'ip -o addr show eth0; ip -o link show eth0'
    [[ "$output" == *"10.7.0.100/16"*"mtu 1400"* ]]
    for o in mtu=1 mtu=x cidr=fd00::/64 cidr=10.0.0.0/30 allow_host_loopback=maybe; do
      run -125 utare run --rm --network $n:$o busybox true
      [[ "$output" == *"is no value for ${o%%=*}"* ]]
    done
    run -125 utare run --rm --network $n:foo=1 busybox true
    [[ "$output" == *'option "foo" is not supported'* ]]
  done
  run -0 utare run --rm --network pasta:-4,--mtu,1500 busybox sh -c 'ip -o link show eth0; ip -6 -o addr show eth0 scope global'
  [[ "$output" == *"mtu 1500"* ]] && [[ "$output" != *2001:db8* ]]
  run -125 utare run --rm --add-host x:host-gateway busybox true
  [[ "$output" == *"allow_host_loopback"* ]]
  run -0 utare run --rm --network host busybox ip -o addr
  [[ "$output" == *192.0.2.1* ]]
}

@test "another container's network and processes; ports do not change while it runs" {
  userve web 80 hello -p 8080:80
  run -0 utare run --rm --network container:web busybox sh -c 'timeout 3 nc 127.0.0.1 80; ip -o addr show eth0; cat /proc/self/uid_map'
  [[ "$output" == *hello*10.0.2.100* ]]
  run -0 utare run --rm --pid container:web busybox ps
  [[ "$output" == *"nc -ll"* ]]
  run -1 utare update --publish-add 8085:80 web
  [[ "$output" == *"changed by root alone"* ]]
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
}

@test "no right over /dev/net/tun: what is missing is said" {
  run -125 env TUN_MODE=600 "$U/as" tare run --rm busybox true
  echo "$output"
  [[ "$output" == *"/dev/net/tun (Permission denied)"* ]]
  [ -z "$(utare ps -aq)" ]
  run -1 env TUN_MODE=600 "$U/as" tare system check
  [[ "$output" == *"/dev/net/tun"*"cannot be opened"* ]]
  run -0 utare system check
}

# ---- kills ----

@test "a monitor that is killed leaves container and network, the next command finds both" {
  userve web 80 hello -p 8080:80
  kill -9 "$(pid_of "tare-monitor keeper")" "$(pid_of "tare-monitor worker")"
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  run -0 utare exec web echo still
  is_there "tare-monitor keeper"
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  kill -9 "$(pid_of "tare-monitor keeper")" "$(pid_of "tare-monitor worker")"
  kill -9 "$(pid_of "nc -ll -p 80")"
  wait_until 5 sh -c '! ss -ltn | grep -q :8080'
  wait_until 5 shows_exited
  wait_until 5 user_is_gone
}
shows_exited() { utare ps -a | grep -q Exited; }

@test "the network's program goes with its process, whoever is killed" {
  local n
  for n in pasta slirp4netns; do
    userve web 80 hello --network $n -p 8080:80
    kill -9 "$(pid_of "tare-monitor usernet")"
    wait_until 5 sh -c '! ss -ltn | grep -q :8080'
    run ! is_there $n
    utare exec web true
    utare rm -f web
    userve web 80 hello --network $n -p 8080:80
    kill -9 "$(pid_of $n)"
    wait_until 5 user_lacks "tare-monitor usernet"
    utare rm -f web
    wait_until 5 user_is_gone
  done
}
user_lacks() { ! is_there "$1"; }

@test "a network's process that does not answer is not left behind" {
  local stopped
  userve web 80 hello --network pasta
  stopped=$(pid_of "tare-monitor usernet")
  kill -STOP "$stopped"
  # it has the lock that the next one waits for
  run -1 utare restart -t 0 web
  [[ "$output" == *"its program does not answer"* ]]
  [ "$(user_processes | grep 'tare-monitor usernet' | awk '{ print $2 }')" = "$stopped" ]
  kill -9 "$stopped"
  utare start web
  utare rm -f web
}

@test "the session's process is killed: its namespace is found by what lives in it" {
  utare run -d --name one --network none busybox sleep 1000 >/dev/null
  utare run -d --name two --userns host --network none busybox sleep 1000 >/dev/null
  kill -9 "$(pid_of "tare-monitor session")"
  run -0 utare exec one echo through
  [ "$output" = through ]
  is_there "tare-monitor session"
  # and without any monitor
  kill -9 "$(pid_of "tare-monitor session")"
  while is_there "tare-monitor keeper"; do kill -9 "$(pid_of "tare-monitor keeper")"; sleep 0.05; done
  while is_there "tare-monitor worker"; do kill -9 "$(pid_of "tare-monitor worker")"; sleep 0.05; done
  wait_until 5 user_lacks "tare-monitor session"
  run -0 utare exec one echo through
  [ "$output" = through ]
  utare stop -t 1 one two
  utare rm one two
  wait_until 5 user_is_gone
  [ ! -e "$TARE_USER_STATE/session" ]
}

@test "many commands at once share one namespace" {
  local i pids=()
  for i in 1 2 3 4 5 6 7 8; do
    utare run -d --name "many$i" --network none busybox sleep 1000 3>&- >/dev/null & pids+=($!)
  done
  for i in "${pids[@]}"; do wait "$i"; done
  [ "$(user_processes | grep -c 'tare-monitor session')" = 1 ]
  for i in 1 2 3 4 5 6 7 8; do utare exec "many$i" true; done
}

@test "everybody is killed at random: nothing stays, and the next command settles it" {
  local i victim
  RANDOM=${SEED:-7}
  for i in 1 2 3 4 5 6; do
    utare run -d --name "k$i" -p "$((8100 + i)):80" busybox sleep 1000 >/dev/null 3>&- &
    sleep "0.0$((RANDOM % 10))"
    victim=$(user_processes | awk '{ print $2 }' | shuf -n 1 --random-source=<(yes $RANDOM))
    [ -z "$victim" ] || kill -9 "$victim" 2>/dev/null || true
    wait $! || true
  done
  user_processes | awk '{ print $2 }' | xargs -r kill -9 || true # who is a parent takes others along
  wait_until 5 user_is_gone
  user_remove_all
  [ -z "$(utare ps -aq)" ]
  wait_until 5 user_is_gone
  run -0 utare run --rm -p 8101:80 busybox echo again
  [ "$output" = again ]
}

@test "cp: out of a container and into it, running or not, with what is mounted in it; owners are numbers of its own" {
  mkdir -p "$U/home/cp/vol"
  echo hi >"$U/home/cp/f"
  chown -R "$USER_ID:$USER_ID" "$U/home/cp"
  utare run -d --name cp --network none -v "$U/home/cp/vol:/data" --tmpfs /t busybox sleep 1000 >/dev/null
  for _ in running stopped; do
    rm -rf "$U"/home/cp/{out,kept}
    utare cp "$U/home/cp/f" cp:/root/f
    utare cp cp/f cp:/data/f
    tar -C "$U/home/cp" --owner 5 --group 6 -c f | utare cp - cp:/tmp
    utare cp cp:/root cp/out
    utare cp -a cp:/tmp/f cp/kept
    [ "$(stat -c '%u:%g' "$U/home/cp/out/f" "$U/home/cp/vol/f" | sort -u)" = "$USER_ID:$USER_ID" ]
    [ "$(stat -c '%u:%g' "$U/home/cp/kept")" = "$((USER_RANGE + 4)):$((USER_RANGE + 5))" ]
    [ "$(cat "$U/home/cp/out/f")" = hi ]
    [ "$(utare cp cp:/tmp/f - | tar -tv --numeric-owner | awk '{ print $2 }')" = 5/6 ]
    utare stop -t 0 cp >/dev/null
  done
  utare start cp >/dev/null
  [ "$(utare exec cp stat -c %u:%g /root/f /data/f /tmp/f | xargs)" = "0:0 0:0 5:6" ]
  utare cp cp/f cp:/t/
  [ "$(utare exec cp cat /t/f)" = hi ]
  mkdir -m 1777 "$U/home/shared" # as /tmp is
  utare cp cp:/etc/passwd "$U/home/shared/"
  utare cp cp:/root "$U/home/shared"
  [ "$(stat -c %u "$U/home/shared/passwd" "$U/home/shared/root/f" | uniq)" = "$USER_ID" ]
  run -1 utare cp cp:/etc/passwd /etc/passwd2
  [ ! -e /etc/passwd2 ]
}

@test "stats: the sums of what processes tell; top" {
  utare run -d --name busy --network none busybox sh -c 'sleep 1000 & while :; do :; done' >/dev/null
  utare run -d --name idle --network none busybox sleep 1000 >/dev/null
  utare stats --no-stream --format '{{.Name}} {{.PIDs}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}}' >"$BATS_TEST_TMPDIR/out"
  awk '$1 == "busy" && $2 == 2 && $3 + 0 > 1' "$BATS_TEST_TMPDIR/out" | grep -q '[0-9]KiB / .* 0B / 0B$'
  grep -q '^idle 1 0.00% ' "$BATS_TEST_TMPDIR/out"
  [ "$(utare top -o cmd idle | tail -n 1)" = "sleep 1000" ]
}

@test "devices by name, and defaults of his own: nodes are bound from the host, hooks run as he is" {
  mkdir -p "$U/home/cdi" "$U/home/.config/tare"
  echo driver >"$U/home/cdi/lib"
  printf '#!/bin/sh\ncat >/dev/null; id -u >%s\n' "$U/home/cdi/hooked" >"$U/home/cdi/hook"
  chmod 755 "$U/home/cdi/hook"
  cat >"$U/home/cdi/v.json" <<END
{ "cdiVersion": "0.6.0", "kind": "vendor.com/x", "devices": [{ "name": "a", "containerEdits": { "env": ["VENDOR=1"],
  "deviceNodes": [{ "path": "/dev/vendor0", "hostPath": "/dev/zero" }],
  "mounts": [{ "hostPath": "$U/home/cdi/lib", "containerPath": "/usr/lib/vendor", "options": ["ro", "bind"] }],
  "hooks": [{ "hookName": "createRuntime", "path": "$U/home/cdi/hook", "env": ["PATH=/bin:/usr/bin"] }] } }] }
END
  echo "{ \"cdi-spec-dirs\": [\"$U/home/cdi\"], \"default-pids-limit\": 50, \"default-ulimits\": { \"nofile\": { \"Soft\": 99 } } }" >"$U/home/.config/tare/config.json"
  chown -R "$USER_ID:$USER_ID" "$U/home/cdi" "$U/home/.config"
  run -0 env -u TARE_CONFIG "$U/as" tare run --rm --network none --device vendor.com/x=a busybox \
    sh -c 'echo $VENDOR; cat /usr/lib/vendor; head -c 3 /dev/vendor0 | od -An -tx1; ulimit -n'
  [ "$output" = $'1\ndriver\n 00 00 00\n99' ]
  [ "$(cat "$U/home/cdi/hooked")" = 0 ] # of his namespace
  [ "$(stat -c %u "$U/home/cdi/hooked")" = "$USER_ID" ]
}
