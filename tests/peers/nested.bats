#!/usr/bin/env bats
# Engines in containers: Debian's dockerd in tare's, tare in its own and in docker's. The containers' root has the folders of a Debian alone;
# the programs are this machine's, with its /usr.

load ../lib/common
load ../lib/docker
load ../lib/engines

setup_file() {
  tare_setup_file
  export W=$BATS_FILE_TMPDIR
  start_dockerd --bridge= --iptables=true --add-runtime "here=$(runc_here)"
  start_tared
  docker_busybox >/dev/null
  root_of_a_debian
  tare import "$W/root.tar" debian >/dev/null
  [ -n "$NO_DOCKERD" ] || peer_docker import "$W/root.tar" debian >/dev/null
}

teardown() {
  tare volume rm -f inner >/dev/null
  find /sys/fs/cgroup -depth -type d -path "*/nested-$$*" -exec rmdir {} +
}

teardown_file() {
  stop_tared
  stop_dockerd
  tare volume prune -af >/dev/null
  tare_teardown_file
}

root_of_a_debian() {
  local d=$W/image
  mkdir -p "$d"/{usr,etc,tmp,var/lib,var/tmp,run,proc,sys,dev,root}
  ln -s usr/bin usr/sbin usr/lib usr/lib64 "$d"
  ln -s /run "$d/var/run"
  cp -a /etc/ld.so.cache /etc/alternatives "$d/etc"
  echo 'root:x:0:0:root:/root:/bin/sh' >"$d/etc/passwd"
  echo 'root:x:0:' >"$d/etc/group"
  tar -C "$d" -cf "$W/root.tar" .
}

# runc 1.1 gives a container with --privileged every capability that it knows, and fails where this machine itself has fewer.
runc_here() {
  local all
  all=$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)
  { [ $((0x$all >> 24 & 1)) = 0 ] || { command -v runc; return; }; } 2>/dev/null
  cat >"$W/runc" <<'END'
#!/bin/sh
for w; do
  [ "$before" != --bundle ] || sed -i 's/"CAP_SYS_RESOURCE",//g' "$w/config.json"
  before=$w
done
exec runc "$@"
END
  chmod +x "$W/runc"
  echo "$W/runc"
}

# What the containers are given.
ours() {
  OURS=(-v /usr:/usr:ro -v "$TARE_BUILD:/tare:ro" -v "$(busybox_archive):/busybox.oci:ro" -v "$W/busybox.tar:/busybox.tar:ro" -e PATH=/tare/bin:/usr/sbin:/usr/bin
    -e TARE_CONFIG=/dev/null)
}

# Ended by a signal that it heeds, as its containers are.
DOCKERD_WEB='
  docker run -d --name web -p 8080:80 busybox sh -c "echo published >/index.html; exec httpd -f -p 80 -h /" >/dev/null
  n=0
  until wget -qO- http://127.0.0.1:8080/; do n=$((n + 1)); [ $n -lt 50 ] || exit 1; sleep 0.1; done
  docker exec web echo executed
  docker rm -f web'
DOCKERD='
  dockerd >/var/log 2>&1 & daemon=$!
  n=0
  until docker version >/dev/null 2>&1; do
    n=$((n + 1)); [ $n -lt 100 ] && kill -0 $daemon 2>/dev/null || { cat /var/log; exit 1; }
    sleep 0.1
  done
  docker info -f "driver {{.Driver}}" 2>/dev/null
  docker load -q -i /busybox.tar
  docker run --rm -m 64m --pids-limit 50 busybox sh -c "echo limited to \$(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null)"
  eval "$MORE"
  kill $daemon; wait $daemon; echo "dockerd ended with $?"'

TARE='
  tare load -q -i /busybox.oci
  tare run --rm -m 64m --pids-limit 50 busybox sh -c "echo limited to \$(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null)"
  tare run -d --name web -p 8080:80 busybox sh -c "echo published >/index.html; exec httpd -f -p 80 -h /" >/dev/null
  n=0
  until wget -qO- http://127.0.0.1:8080/; do n=$((n + 1)); [ $n -lt 50 ] || exit 1; sleep 0.1; done
  tare exec web echo executed
  tare commit web kept >/dev/null && tare run --rm --userns host kept cat /index.html | sed s/^/kept:/
  tare rm -f web
  printf "FROM busybox\nRUN echo built >/b\n" >/tmp/Dockerfile
  tare build -q -t built /tmp >/dev/null && tare run --rm --privileged built cat /b'

in_tare() { ours; run -0 --separate-stderr tare run --rm "${OURS[@]}" "$@"; }
in_docker() { ours; run -0 --separate-stderr peer_docker run --rm "${OURS[@]}" "$@"; }
tare_works() { [ "$output" = "$(printf '%s\n' 'Loaded image: busybox:latest' 'limited to 67108864' published executed kept:published web built)" ]; }
IN_MEMORY='tare: warning: /var/lib/tare is on an overlay, on which no container can be laid: the store is in memory, and ends with this container; a volume there keeps it, on the disk'

dockerd_works() { # DRIVER LINE...
  [ "$output" = "$(printf '%s\n' "driver $1" 'Loaded image: busybox:latest' 'limited to 67108864' "${@:2}" 'dockerd ended with 0')" ]
}

@test "dockerd in a container of tare's, on a volume" {
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  in_tare --privileged -v inner:/var/lib/docker -e MORE="$DOCKERD_WEB" debian sh -c "$DOCKERD"
  dockerd_works overlay2 published executed web
}

@test "dockerd in a container of tared's, on the container's own files" {
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  ours
  run -0 --separate-stderr tared_docker run --rm --privileged "${OURS[@]}" debian sh -c "$DOCKERD"
  dockerd_works vfs
}

@test "tare in its own container keeps its store in memory and says so, once" {
  in_tare --privileged debian sh -c "$TARE"
  tare_works
  [ "$stderr" = "$IN_MEMORY" ]
}

@test "what lies in a folder on an overlay is not hidden" {
  in_tare --privileged --network none debian sh -c 'mkdir -p /kept && echo text >/kept/file && tare --root /kept ps -q; cat /kept/file'
  [ "$output" = text ]
}

@test "two commands that are the first at the same time have one store" {
  in_tare --privileged --network none debian sh -c 'tare load -q -i /busybox.oci & tare volume create one & tare volume create two & wait
    tare volume ls -q; tare images -q | wc -l; grep -c " /var/lib/tare " /proc/self/mountinfo'
  [ "$(sort <<<"$output")" = "$(printf '%s\n' 1 1 'Loaded image: busybox:latest' one one two two)" ]
  [ "$stderr" = "$IN_MEMORY" ]
}

@test "tare in its own container with a volume for the store keeps it there" {
  in_tare --privileged -v inner:/var/lib/tare debian sh -c "$TARE"
  tare_works
  [ -z "$stderr" ]
  in_tare --privileged --network none -v inner:/var/lib/tare debian tare run --rm --network none built cat /b
  [ "$output" = built ]
}

@test "tare in a container of docker's" {
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  in_docker --runtime here --privileged debian sh -c "$TARE"
  tare_works
  [ "$stderr" = "$IN_MEMORY" ]
}

@test "a store that came with the image is looked at, and what runs there says why it cannot" {
  in_tare --privileged --network none debian sh -c 'mkdir -p /var/lib/tare && echo 1 >/var/lib/tare/format && tare load -q -i /busybox.oci
    tare images -q | wc -l; tare run --rm --network none busybox true; tare build -q /tmp -f - <<END || true
FROM busybox
RUN true
END'
  [ "$output" = $'Loaded image: busybox:latest\n1' ]
  [ "$(grep -c 'is on an overlay, and no other can be laid on that: the store has to be on another file system, in a container on a volume$' <<<"$stderr")" = 2 ]
  [ "$(wc -l <<<"$stderr")" = 2 ]
}

@test "without --privileged one line says what is missing" {
  local rights=() o
  in_tare --privileged --network none -v inner:/var/lib/tare debian tare load -q -i /busybox.oci
  for o in '' '--userns host' '--userns host --cap-add SYS_ADMIN'; do
    read -ra rights <<<"$o"
    ours
    run --separate-stderr tare run --rm --network none "${OURS[@]}" "${rights[@]}" -v inner:/var/lib/tare debian tare run --rm --network none busybox true
    [ "$status" = 125 ] && [ -z "$output" ]
    [ "$(wc -l <<<"$stderr")" = 1 ]
    [[ "$stderr" == *'needs that --privileged' ]]
  done
  ours
  run -1 --separate-stderr tare run --rm --network none "${OURS[@]}" debian tare load -q -i /busybox.oci
  [[ "$stderr" == 'tare: /busybox.oci: '*'needs that --privileged' ]]
}

# The folder is the host's; nobody made it before.
@test "a job with the socket in its container has containers beside it, with folders of the host's" {
  local who made
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  ours
  tared_docker load -q -i "$W/busybox.tar" >/dev/null
  peer_docker load -q -i "$W/busybox.tar" >/dev/null
  for who in peer tared; do
    made=$BATS_TEST_TMPDIR/made
    run -0 "${who}_docker" run --rm --network none "${OURS[@]}" -v "$W/$([ $who = tared ] && echo tared || echo docker).sock:/var/run/docker.sock" debian \
      sh -c 'docker run --rm --network none -v "$0/by/bind:/x" busybox sh -c "echo beside >/x/file; echo \$(hostname | wc -c)"
        docker run --rm --network none --mount "type=bind,source=$0/by/mount,target=/x" busybox true 2>&1 | grep -o "bind source path does not exist"
        docker ps -q | wc -l; test -e "$0" || echo the job does not see it' "$made"
    echo "$output" >"$BATS_TEST_TMPDIR/$who"
    stat -c '%A %u:%g %n' "$made" "$made/by" "$made/by/bind" "$made/by/bind/file" >>"$BATS_TEST_TMPDIR/$who"
    [ ! -e "$made/by/mount" ]
    rm -r "$made"
  done
  grep -qx 'the job does not see it' "$BATS_TEST_TMPDIR/tared"
  diff "$BATS_TEST_TMPDIR/peer" "$BATS_TEST_TMPDIR/tared"
}

# As in a container on a machine of v2 alone, of which this one has the controller hugetlb, if any: the shell is the first process there,
# and in the root of its own cgroup namespace, where the kernel lets nobody limit anything while processes are in it.
@test "with cgroups v2 alone a container's processes make room for limits" {
  local v2 own first b=$BATS_TEST_TMPDIR/bundle
  v2=$(findmnt -nt cgroup2 -o TARGET | head -n 1)
  grep -qw hugetlb "$v2/cgroup.controllers" || skip "v2 has no controller hugetlb here"
  own=$v2/nested-$$
  mkdir -p "$b/rootfs/bin" "$own"
  cp /bin/busybox "$b/rootfs/bin"
  env -C "$b" "$TARE_BIN/tare-oci" spec
  jq '.process.terminal = false | .process.args = ["/bin/busybox", "echo", "ran"] | .linux.cgroupsPath = "/limited/x"
    | .linux.resources = {hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}' "$b/config.json" >"$b/new" && mv "$b/new" "$b/config.json"
  # shellcheck disable=SC2016
  env -C "$b" sh -c 'echo $$ >"$0/cgroup.procs"; exec unshare -C -p -f -m sh -c "
    until [ -e go ]; do sleep 0.05; done
    mount --make-rprivate / && mount -t proc proc /proc && mount -t cgroup2 none /sys/fs/cgroup || exit 1
    $1/tare-oci --root state run x </dev/null
    echo left: \$(cat /sys/fs/cgroup/cgroup.procs), handed down: \$(cat /sys/fs/cgroup/cgroup.subtree_control)
    grep -qx 1 /sys/fs/cgroup/init/cgroup.procs && echo the first is in init"' "$own" "$TARE_BIN" >"$b/said" 2>&1 3>&- &
  first=$!
  wait_until 5 pgrep -P "$first"
  echo "$first" >"$v2/cgroup.procs" # who started it is not in the container
  touch "$b/go"
  wait "$first" || true
  diff "$b/said" - <<<$'ran\nleft: , handed down: hugetlb\nthe first is in init'
}
