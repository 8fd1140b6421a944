#!/usr/bin/env bats
# Every option that shares or opens something, each with the user namespace on.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

@test "the defaults: own ids, no_new_privs, seccomp, few capabilities, own namespaces" {
  run -0 tare run --rm busybox sh -c 'cat /proc/self/uid_map; grep -E "NoNewPrivs|Seccomp:|CapEff|CapBnd" /proc/self/status; ls /sys/class/net'
  [[ "${lines[0]}" =~ ^\ *0\ +[1-9][0-9]+\ +65536$ ]]
  [[ "$output" == *$'NoNewPrivs:\t1'* ]]
  [[ "$output" == *$'Seccomp:\t2'* ]]
  [[ "$output" == *$'CapEff:\t00000000800405fb'* ]]
  [ "${lines[-1]}" = lo ]
  for ns in user pid mnt net ipc uts cgroup; do
    [ "$(tare run --rm busybox readlink /proc/self/ns/$ns)" != "$(readlink /proc/self/ns/$ns)" ]
  done
}

@test "-v: a file made by root in the container belongs to root on the host" {
  dir=$BATS_TEST_TMPDIR/w; mkdir "$dir"
  run -0 tare run --rm -v "$dir:/w" busybox sh -c 'id -u; touch /w/f; stat -c %u /w/f'
  [ "$output" = $'0\n0' ]
  [ "$(stat -c %u "$dir/f")" -eq 0 ]
  tare run --rm -v "$dir:/w" --user 1000:1000 busybox stat -c %u /w/f
  chown 1000 "$dir"
  tare run --rm -v "$dir:/w" --user 1000:1000 busybox touch /w/g
  [ "$(stat -c %u "$dir/g")" -eq 1000 ]
}

@test "-v: ro, noidmap, a single file, a missing source, nested targets, over a default file" {
  dir=$BATS_TEST_TMPDIR/w; mkdir -p "$dir/sub"; echo text >"$dir/file"
  run -1 tare run --rm -v "$dir:/w:ro" busybox touch /w/x
  [[ "$output" == *"Read-only"* ]]
  [ "$(tare run --rm -v "$dir:/w:noidmap" busybox stat -c %u /w/file)" = 65534 ]
  [ "$(tare run --rm -v "$dir/file:/etc/one" busybox cat /etc/one)" = text ]
  tare run --rm -v "$dir/made/here:/m" busybox touch /m/y
  [ -e "$dir/made/here/y" ]
  [ "$(tare run --rm -v "$dir/sub:/a/b" -v "$dir:/a" busybox sh -c 'touch /a/b/deep; ls /a/file /a/b/deep' | wc -l)" -eq 2 ]
  [ -e "$dir/sub/deep" ]
  [ "$(tare run --rm -v "$dir/file:/etc/hosts" busybox cat /etc/hosts)" = text ]
}

@test "-v ./x and --rootfs x start at the current folder" {
  mkdir -p "$BATS_TEST_TMPDIR/here/src" "$BATS_TEST_TMPDIR/here/root"; cd "$BATS_TEST_TMPDIR/here"; echo text >src/f
  [ "$(tare run --rm -v ./src:/m busybox cat /m/f)" = text ]
  [ "$(tare run --rm -v ../here/src/f:/one:ro busybox cat /one)" = text ]
  [ "$(tare run --rm -v .:/m busybox cat /m/src/f)" = text ]
  tare run --rm -v ./made:/m busybox touch /m/g
  [ -e made/g ]
  tare create --name here -v ./src:/m busybox
  [ "$(tare inspect here | jq -r '.[0].HostConfig.Binds[0]')" = "$PWD/./src:/m" ]
  [ "$(tare inspect here | jq -r '.[0].Mounts[0].Source')" = "$PWD/src" ]
  tare rm here
  mkdir root/bin; cp "$(command -v busybox)" root/bin/echo
  [ "$(tare run --rm --rootfs root /bin/echo hello)" = hello ]
  [ "$(tare run --rm --rootfs ./src/../root /bin/echo hello)" = hello ]
  run -125 tare run --rm --rootfs nosuch /bin/echo hello
  [[ "$output" == *"--rootfs nosuch: No such file"* ]]
}

@test "-v: wrong ones are refused before anything is made" {
  for v in rela/tive:/x r:/x /a:relative /a:/ /a:/proc/x "$BATS_TEST_TMPDIR:/x:nonsense"; do
    run -125 tare run --rm -v "$v" busybox true
    [[ "$output" == tare:\ -v* ]] || { echo "$v: $output"; return 1; }
  done
  run -125 tare run --rm -v /tmp:/x -v /var:/x busybox true
  run -125 tare run --rm --userns=host -v /tmp:/x:idmap busybox true
}

@test "-v: a file over a folder, a folder over a file are told apart" {
  touch "$BATS_TEST_TMPDIR/file"
  run -125 tare run --rm -v "$BATS_TEST_TMPDIR/file:/etc" busybox true
  [[ "$output" == *"/etc: the source is a file, but in the container a folder is there"* ]]
  run -125 tare run --rm -v "$BATS_TEST_TMPDIR:/bin/busybox" busybox true
  [[ "$output" == *"/bin/busybox: the source is a folder, but in the container a file is there"* ]]
}

@test "a volume of its own is written, and goes with the container by rm -v" {
  tare run --name vol -v /data busybox sh -c 'echo kept >/data/f'
  tare start -a vol
  place=$(tare inspect vol | jq -r '.[0].Mounts[0].Source')
  [ "$(cat "$place/f")" = kept ]
  tare rm -v vol
  [ ! -e "$place" ]
}

@test "--tmpfs: size, mode, exec" {
  run tare run --rm --tmpfs /t:size=1m,mode=0700 busybox sh -c 'grep " /t " /proc/mounts; stat -c %a /t; head -c 2000000 /dev/zero >/t/big; stat -c size=%s /t/big'
  [[ "$output" == *noexec*size=1024k* ]]
  [[ "$output" == *700* ]]
  [[ "$output" == *size=1048576* ]]
  tare run --rm --tmpfs /t:exec busybox sh -c 'cp /bin/busybox /t/true && /t/true'
  run -126 tare run --rm --tmpfs /t busybox sh -c 'cp /bin/busybox /t/true && exec /t/true'
  run -125 tare run --rm --tmpfs /t:nonsense busybox true
}

@test "--network host: the host's interfaces, the map stays, /sys is read-only" {
  [ "$(tare run --rm --network host busybox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
  run -0 tare run --rm --network host busybox sh -c 'cat /proc/self/uid_map; touch /sys/x 2>&1; echo 0 >/proc/sys/net/ipv4/ip_forward 2>&1; ip link add dummy9 type dummy 2>&1' || true
  [[ "${lines[0]}" =~ ^\ *0\ +[1-9] ]]
  [[ "$output" == *"Read-only"* ]]
  [ ! -e /sys/class/net/dummy9 ]
  [ "$(tare run --rm --network host busybox cat /etc/resolv.conf)" = "$(cat /etc/resolv.conf)" ]
  [ "$(tare run --rm --network none busybox ls /sys/class/net)" = lo ]
}

@test "--pid, --ipc, --uts host, each with the map on" {
  [ "$(tare run --rm --pid host busybox readlink /proc/self/ns/pid)" = "$(readlink /proc/self/ns/pid)" ]
  [ "$(tare run --rm --ipc host busybox readlink /proc/self/ns/ipc)" = "$(readlink /proc/self/ns/ipc)" ]
  [ "$(tare run --rm --uts host busybox hostname)" = "$(hostname)" ]
  run -125 tare run --rm --uts host --hostname x busybox true
  run -125 tare run --rm --pid container:x busybox true
  run -1 tare run --rm --uts host busybox hostname stolen
  tare run -d --name seeing --pid host busybox sleep 100
  tare stop -t 0 seeing
  tare rm seeing
}

@test "--user: number, name, group; files of the image keep their owners" {
  [ "$(tare run --rm --user 1000:2000 busybox sh -c 'echo $(id -u):$(id -g)')" = 1000:2000 ]
  [ "$(tare run --rm --user nobody busybox id -un)" = nobody ]
  [ "$(tare run --rm --user 7 --group-add 55 busybox id -G)" = "0 55" ] || [ "$(tare run --rm --user 7 --group-add 55 busybox id -G | tr ' ' '\n' | grep -c 55)" = 1 ]
  [ "$(tare run --rm busybox stat -c %u:%g /bin/busybox)" = 0:0 ]
  run -125 tare run --rm --user nosuch busybox true
  # an id above the usual 65536 widens the map
  [ "$(tare run --rm --user 100000:100000 busybox id -u)" = 100000 ]
}

@test "--read-only: nothing but tmpfs and volumes can be written" {
  run -1 tare run --rm --read-only busybox touch /x
  [[ "$output" == *"Read-only"* ]]
  tare run --rm --read-only --tmpfs /t -v "$BATS_TEST_TMPDIR:/v" "${INIT[@]}" busybox sh -c 'touch /t/x /v/x /dev/shm/x'
}

@test "--privileged: the host's ids, all devices and capabilities, nothing masked" {
  run -0 tare run --rm --privileged busybox sh -c 'cat /proc/self/uid_map; grep -E "NoNewPrivs|Seccomp:" /proc/self/status; mkdir /m && mount -t tmpfs none /m && echo mounted; [ -w /proc/sys/kernel/hostname ] && echo open'
  [[ "${lines[0]}" == *4294967295 ]]
  [[ "$output" == *$'NoNewPrivs:\t0'*$'Seccomp:\t0'*mounted*open* ]]
  # a map asked for by name stays
  [[ "$(tare run --rm --privileged --userns=private busybox cat /proc/self/uid_map)" != *4294967295 ]]
}

@test "--userns: host, a range of one's own choice" {
  [[ "$(tare run --rm --userns=host busybox cat /proc/self/uid_map)" == *4294967295 ]]
  [[ "$(tare run --rm --userns=range:3000000:70000 busybox cat /proc/self/uid_map)" =~ ^\ *0\ +3000000\ +70000$ ]]
  run -125 tare run --rm --userns=range:x busybox true
}

@test "--device: the node opens, others do not" {
  [ -e /dev/fuse ] || skip "no /dev/fuse here"
  tare run --rm --device /dev/fuse busybox sh -c ': <>/dev/fuse'
  tare run --rm --device /dev/fuse:/dev/other:r busybox sh -c '(: </dev/other) && ! (: >/dev/other)'
  # a node in a folder of the host: the id map makes it root's, the device rules keep it shut
  mkdir "$BATS_TEST_TMPDIR/nodes"
  mknod -m 0666 "$BATS_TEST_TMPDIR/nodes/fuse" c 10 229
  run tare run --rm -v "$BATS_TEST_TMPDIR/nodes:/nodes" busybox sh -c ': </nodes/fuse'
  [ "$status" -ne 0 ]
  [[ "$output" == *"not permitted"* || "$output" == *"Permission denied"* ]]
  # as are those of the host's own folder, which cannot be id-mapped and is bound as it is
  run tare run --rm -v /dev:/hostdev busybox sh -c 'test -c /hostdev/null && : <>/hostdev/fuse'
  [ "$status" -ne 0 ]
  [[ "$output" == *"not permitted"* || "$output" == *"Permission denied"* ]]
  run -125 tare run --rm --device /etc/passwd busybox true
  run -125 tare run --rm --device /dev/nosuch busybox true
}

@test "--cap-add, --cap-drop" {
  [ "$(tare run --rm --cap-drop ALL busybox grep CapEff /proc/self/status | cut -f2)" = 0000000000000000 ]
  [ "$(tare run --rm --cap-drop ALL --cap-add chown busybox grep CapEff /proc/self/status | cut -f2)" = 0000000000000001 ]
  tare run --rm --cap-add NET_ADMIN busybox ip link set lo down
  run ! tare run --rm busybox ip link set lo down
  run -125 tare run --rm --cap-add NOSUCH busybox true
}

@test "--security-opt: no-new-privileges, seccomp, systempaths" {
  [[ "$(tare run --rm --security-opt no-new-privileges=false busybox grep NoNewPrivs /proc/self/status)" == *0 ]]
  [[ "$(tare run --rm --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status)" == *0 ]]
  cat >"$BATS_TEST_TMPDIR/docker.json" <<'JSON'
{"defaultAction":"SCMP_ACT_ALLOW","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},{"architecture":"SCMP_ARCH_AARCH64","subArchitectures":[]}],
 "syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","args":[],"comment":"","includes":{},"excludes":{}},
             {"names":["unlink","unlinkat"],"action":"SCMP_ACT_ERRNO","includes":{"caps":["CAP_SYS_BOOT"]},"excludes":{}}]}
JSON
  run -1 tare run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/docker.json" busybox mkdir /x
  tare run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/docker.json" busybox sh -c 'touch /x && rm /x'
  echo '{"no":1}' >"$BATS_TEST_TMPDIR/bad.json"
  run -125 tare run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/bad.json" busybox true
  [ "$(tare run --rm busybox sh -c 'cat /proc/kcore 2>/dev/null | head -c 1 | wc -c')" = 0 ]
  tare run --rm --security-opt systempaths=unconfined busybox sh -c '! grep -q " /proc/kcore " /proc/mounts'
  run -125 tare run --rm --security-opt nonsense busybox true
}

@test "--security-opt: what says that there is no profile and no label, in both spellings" {
  local word
  for word in apparmor=unconfined apparmor:unconfined label=disable label:disable; do
    tare rm "$(tare create --network none --security-opt "$word" busybox true)"
  done
  [ ! -e /sys/fs/selinux/enforce ] || skip "this kernel has SELinux"
  for word in label=type:container_runtime_t label:level:s0:c1,c2; do
    tare rm "$(tare create --network none --security-opt "$word" busybox true)"
  done
}

@test "limits: memory, cpus, pids, ulimits, shm, sysctl" {
  run -0 tare run --rm -m 64m --cpus 0.5 --pids-limit 20 busybox sh -c \
    'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max /sys/fs/cgroup/pids.max'
  [[ "$output" == *67108864*50000*20* ]]
  run tare run --rm -m 16m busybox sh -c 'head -c 100000000 /dev/zero | tail -c 90000000 | wc -c; exit 0'
  [[ "$output" != *90000000* ]]
  [ "$(tare run --rm --ulimit nofile=100:200 busybox sh -c 'ulimit -n; ulimit -Hn' | tr '\n' ' ')" = "100 200 " ]
  [ "$(tare run --rm --shm-size 1m busybox df -k /dev/shm | awk 'END { print $2 }')" = 1024 ]
  [ "$(tare run --rm --sysctl net.ipv4.ip_forward=1 busybox cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
  run -125 tare run --rm --sysctl kernel.panic=1 busybox true
  run -125 tare run --rm --network host --sysctl net.ipv4.ip_forward=1 busybox true
  run -125 tare run --rm -m 1k busybox true
  tare run --rm --cpus 0 busybox true # as in Docker: no limit
  run -125 tare run --rm --cpus nope busybox true
  run -125 tare run --rm --ulimit nope=1 busybox true
}

@test "-h is --hostname, --net is --network, as in Docker; -c, --cpu-quota, --cpu-period" {
  [ "$(tare run --rm -h box busybox hostname)" = box ]
  [ "$(tare run --rm -hbox busybox hostname)" = box ]
  run -125 tare run --rm -h
  [[ "$output" == *"-h needs a value"* ]]
  [[ "$(tare run --help)" == *"-h, --hostname NAME"* ]]
  [ "$(tare run --rm --net host busybox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
  run -0 tare run --rm -c 512 --cpu-quota 20000 --cpu-period 50000 busybox sh -c \
    'cd /sys/fs/cgroup; cat cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us 2>/dev/null || cat cpu.weight cpu.max'
  [[ "$output" == 512*20000*50000 || "$output" == 20*"20000 50000" ]]
}

@test "an option of Docker that there is not yet is called that, not unknown" {
  for o in cpu-count=2 kernel-memory=1g; do
    run -125 tare run --rm "--$o" busybox true
    [[ "$output" == "tare: option --${o%%=*} is not supported"* ]] || { echo "$o: $output"; return 1; }
  done
}

@test "every option of Docker's commands is known" {
  local dockers=() d
  for d in /usr/bin/docker "$(command -v docker)"; do [ ! -x "$d" ] || dockers+=("$d"); done # Debian's, and a newer one
  [ ${#dockers[@]} -gt 0 ] || skip "no docker to ask"
  for c in run create exec start stop restart kill rm ps logs attach inspect load import images rmi history version 'system df' 'system prune'; do
    # shellcheck disable=SC2086
    for o in $(for d in "${dockers[@]}"; do "$d" $c --help; done | sort -u | sed -nE 's/^ {2,6}(-., )?(--[a-z0-9-]+).*/\2/p' | grep -v -- '--help'); do
      run tare $c "$o=x" no:such </dev/null
      [[ "$output" != *"unknown option"* ]] || { echo "$c: $output"; return 1; }
    done
  done
}

@test "--init: process 1 reaps, passes signals and the exit code on" {
  [[ "$(tare run --rm "${INIT[@]}" busybox ps -o pid,args | grep ' 1 ')" == *tare-init* ]]
  run -6 tare run --rm "${INIT[@]}" busybox sh -c 'exit 6'
}

@test "--cgroup-parent; the container's cgroup is its own root" {
  tare run -d --name cg --cgroup-parent /tare-test-parent busybox sleep 100
  grep -q /tare-test-parent/ "/proc/$(live cg pid)/cgroup"
  [ "$(tare exec cg sh -c 'cut -d: -f3 /proc/self/cgroup | sort -u')" = / ]
  tare rm -f cg
  tare run -d --name cg --cgroup-parent tare-test-parent/below busybox sleep 100
  grep -q ':/tare-test-parent/below/' "/proc/$(live cg pid)/cgroup"
  [ "$(tare inspect -f '{{.HostConfig.CgroupParent}}' cg)" = tare-test-parent/below ]
  tare rm -f cg
  for bad in ../x a/../x /x/.. a//b; do run -125 tare run --rm --cgroup-parent "$bad" busybox true; done
  find /sys/fs/cgroup -depth -type d -path '*/tare-test-parent*' -exec rmdir {} + 2>/dev/null || true
}

@test "the host's mount table does not grow" {
  before=$(wc -l </proc/self/mountinfo)
  for i in 1 2 3; do tare run -d --name "m$i" busybox sleep 100; done
  [ "$(wc -l </proc/self/mountinfo)" -eq "$before" ]
  tare rm -f m1 m2 m3
}

@test "messages say what was wrong, where, and what to do" {
  run -125 tare run --rm -v :/m busybox true
  [[ "$output" == *"the source is empty"* ]]
  for o in size=abc size= mode=9 nr_inodes=x uid=me; do
    run -125 tare run --rm --tmpfs "/t:$o" busybox true
    [[ "$output" == *"--tmpfs"*"want a number"* ]]
  done
  run -0 tare run --rm --tmpfs /t:size=1%,mode=700 busybox true
  run -125 tare run --rm -w /etc/passwd busybox true
  [[ "$output" == *"working folder /etc/passwd"* ]]
}

@test "a limit of few descriptors, a range of few ids" {
  [ "$(tare run --rm --ulimit nofile=10 busybox sh -c 'ulimit -n')" = 10 ]
  [ "$(tare run --rm --ulimit nofile=10 -w /tmp -u 1:1 busybox sh -c 'ulimit -n')" = 10 ]
  local root=$BATS_TEST_TMPDIR/rootfs
  mkdir -p "$root/bin" "$root/proc"; cp /bin/busybox "$root/bin/busybox"
  run -0 tare run --rm --rootfs "$root" --userns=range:500000:10 /bin/busybox cat /proc/sys/net/ipv4/ping_group_range
  [[ "$output" == 0*9 ]]
}
