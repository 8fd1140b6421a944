#!/usr/bin/env bats
# What docker run has beyond the options of options.bats: limits of devices and real time, annotations, files of labels…
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

hostconfig() { tare inspect "$1" | jq -c ".[0].HostConfig$2"; }

# the value that a cgroup file of v1 or, behind it, one of v2 has in the container
limit() { # OPTIONS… -- V1-FILE V2-FILE
  local options=()
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  tare run --rm "${options[@]}" busybox sh -c "cat /sys/fs/cgroup/$2 2>/dev/null || cat /sys/fs/cgroup/$3"
}
is_v1() { [ -d /sys/fs/cgroup/memory ]; }
# a block device that the kernel can throttle: a loop device on a file
loop_device() {
  truncate -s 1M "$BATS_TEST_TMPDIR/disk"
  LOOP=$(losetup -f --show "$BATS_TEST_TMPDIR/disk" 2>/dev/null) || skip "no loop devices here"
  NUMBER=$(printf '%d:%d' "0x$(stat -c %t "$LOOP")" "0x$(stat -c %T "$LOOP")")
}
teardown() { [ -z "${LOOP:-}" ] || losetup -d "$LOOP"; }

@test "--device-read-bps and its like: the kernel has them, inspect shows them" {
  loop_device
  run -0 limit --device-read-bps "$LOOP:1mb" --device-read-iops "$LOOP:77" -- \
    'blkio/blkio.throttle.read_bps_device /sys/fs/cgroup/blkio/blkio.throttle.read_iops_device' io.max
  [[ "$output" == *"$NUMBER 1048576"*"$NUMBER 77"* || "$output" == *"$NUMBER rbps=1048576"*riops=77* ]] || { echo "$output"; false; }
  run -0 limit --device-write-bps "$LOOP:2k" --device-write-iops "$LOOP:88" -- \
    'blkio/blkio.throttle.write_bps_device /sys/fs/cgroup/blkio/blkio.throttle.write_iops_device' io.max
  [[ "$output" == *"$NUMBER 2048"*"$NUMBER 88"* || "$output" == *wbps=2048*wiops=88* ]] || { echo "$output"; false; }
  tare create --name io --blkio-weight 300 --blkio-weight-device "$LOOP:200" --device-write-bps "$LOOP:1mb" busybox
  [ "$(hostconfig io .BlkioWeight)" = 300 ]
  [ "$(hostconfig io .BlkioWeightDevice)" = "[{\"Path\":\"$LOOP\",\"Weight\":200}]" ]
  [ "$(hostconfig io .BlkioDeviceWriteBps)" = "[{\"Path\":\"$LOOP\",\"Rate\":1048576}]" ]
  [ "$(hostconfig io .BlkioDeviceReadIOps)" = null ]
  tare rm io
}

@test "limits of devices: wrong ones are refused, and say how they are written" {
  for o in --device-read-bps=sda:1mb --device-read-bps=/dev/null --device-write-iops=/dev/null:1mb --blkio-weight-device=/dev/null:5; do
    run -125 tare run --rm "$o" busybox true
    [[ "$output" == "tare: ${o%%=*} "*"want /dev/NODE:"* ]] || { echo "$o: $output"; return 1; }
  done
  run -125 tare run --rm --device-read-bps /dev/nosuch:1mb busybox true
  [[ "$output" == *"/dev/nosuch: No such file"* ]]
  run -125 tare run --rm --device-read-bps /dev/null:1mb busybox true
  [[ "$output" == *"no block device"* ]]
  run -125 tare run --rm --blkio-weight 5 busybox true
  [[ "$output" == *"--blkio-weight: 10 to 1000"* ]]
  tare run --rm --blkio-weight 0 busybox true
}

@test "--memory-swappiness, --oom-kill-disable, --cpu-rt-*: where cgroup v1 is" {
  run -125 tare run --rm --memory-swappiness 101 busybox true
  [[ "$output" == *"--memory-swappiness: 0 to 100"* ]]
  tare run --rm --memory-swappiness -1 busybox true
  run -125 tare run --rm --cpu-rt-period 1000 --cpu-rt-runtime 2000 busybox true
  [[ "$output" == *"--cpu-rt-runtime cannot be more"* ]]
  run -125 tare run --rm --cpu-rt-runtime -5 busybox true
  if ! is_v1; then
    for o in --memory-swappiness=5 --oom-kill-disable --cpu-rt-runtime=1000; do
      run -125 tare run --rm "$o" busybox true
      [[ "$output" == *"${o%%=*}: the control groups of this machine (v2) have no such setting"* ]]
    done
    return
  fi
  [ "$(limit --memory-swappiness 5 -- memory/memory.swappiness)" = 5 ]
  [[ "$(limit -m 64m --oom-kill-disable -- memory/memory.oom_control)" == *"oom_kill_disable 1"* ]]
  [[ "$(limit -m 64m -- memory/memory.oom_control)" == *"oom_kill_disable 0"* ]]
  run -0 tare run --rm --oom-kill-disable busybox true
  [[ "$output" == *"--oom-kill-disable without --memory"* ]]
  # the cgroups above give none by themselves
  run tare run --rm --cpu-rt-runtime 1000 busybox true
  [ "$status" -eq 0 ] || [[ "$output" == *"the cgroups above need as much"* || "$output" == *"no cpu.rt_runtime_us"* ]]
}

@test "--kernel-memory and what Windows has alone: refused with a reason" {
  run -125 tare run --rm --kernel-memory 1m busybox true
  [[ "$output" == "tare: option --kernel-memory is not supported: the kernel limits its own memory within --memory"* ]]
  run -125 tare run --rm --cpu-count 1 busybox true
  [[ "$output" == *"--cpu-count is not supported: "*Windows* ]]
  run -125 tare run --rm --runtime runsc busybox true
  [[ "$output" == *--runtime*tare-oci* ]]
  run -125 tare run --rm --isolation hyperv busybox true
  tare run --rm --runtime tare-oci --isolation default --disable-content-trust busybox true
}

@test "--label-file: lines of KEY=VALUE and KEY, the command line wins" {
  printf '# a comment\nfrom=file\nboth=file\nalone\n\n' >"$BATS_TEST_TMPDIR/labels"
  tare create --name labelled --label-file "$BATS_TEST_TMPDIR/labels" -l both=line -l x=1 -l x=2 busybox
  [ "$(tare inspect labelled | jq -c '.[0].Config.Labels | {from, both, alone, x}')" = '{"from":"file","both":"line","alone":"","x":"2"}' ]
  tare rm labelled
  run -1 tare create --label-file "$BATS_TEST_TMPDIR/nosuch" busybox
  [[ "$output" == *"--label-file $BATS_TEST_TMPDIR/nosuch: No such file"* ]]
  echo 'with space=x' >"$BATS_TEST_TMPDIR/bad"
  run -1 tare create --label-file "$BATS_TEST_TMPDIR/bad" busybox
  [[ "$output" == *"--label-file $BATS_TEST_TMPDIR/bad, line 1: white space in the name"* ]]
  run -1 tare create -l =x busybox
  [[ "$output" == *--label* ]]
}

@test "--annotation: in the OCI specification and in inspect; the runtime honours what it knows" {
  tare create --name noted --annotation a.b=1 --annotation a.b=2 --annotation only busybox
  [ "$(hostconfig noted .Annotations)" = '{"a.b":"2","only":""}' ]
  id=$(tare inspect -f '{{.Id}}' noted)
  [ "$(jq -c .spec.annotations "$TARE_ROOT/containers/$id/config.json")" = '{"a.b":"2","only":""}' ]
  tare rm noted
  run -1 tare create --annotation =x busybox
}

@test "--device-cgroup-rule: a node of that kind opens" {
  mkdir "$BATS_TEST_TMPDIR/nodes"
  mknod -m 0666 "$BATS_TEST_TMPDIR/nodes/kmsg" c 1 11
  run tare run --rm -v "$BATS_TEST_TMPDIR/nodes:/nodes:dev" busybox sh -c ': </nodes/kmsg'
  local plain=$status
  [ "$plain" -ne 0 ]
  run -0 tare run --rm --device-cgroup-rule 'c 1:11 r' --device-cgroup-rule 'c 42:* rwm' busybox \
    sh -c 'cat /sys/fs/cgroup/devices/devices.list 2>/dev/null; true'
  ! is_v1 || [[ "$output" == *"c 1:11 r"*"c 42:* rwm"* ]]
  for bad in 'c 1:3' 'x 1:3 r' 'c 1 r' 'c 1:3 rx' 'c 1:3 ' 'c :3 r' 'c 1:99999999999 r' 'c 1:3 rwmm'; do
    run -125 tare run --rm --device-cgroup-rule "$bad" busybox true
    [[ "$output" == *"--device-cgroup-rule \"$bad\": want such as"* ]] || { echo "$bad: $output"; return 1; }
  done
}

@test "--device with a folder: all nodes below it, elsewhere too" {
  mkdir -p "$BATS_TEST_TMPDIR/d/sub" "$BATS_TEST_TMPDIR/empty"
  mknod "$BATS_TEST_TMPDIR/d/one" c 1 3; mknod "$BATS_TEST_TMPDIR/d/sub/two" c 1 5; touch "$BATS_TEST_TMPDIR/d/file"
  run -0 tare run --rm --device "$BATS_TEST_TMPDIR/d:/dev/there:rw" busybox find /dev/there -type c
  [ "$(sort <<<"$output")" = $'/dev/there/one\n/dev/there/sub/two' ]
  tare run --rm --device "$BATS_TEST_TMPDIR/d:/dev/there:rw" busybox sh -c 'head -c 1 /dev/there/sub/two >/dev/null && echo x >/dev/there/one'
  run -125 tare run --rm --device "$BATS_TEST_TMPDIR/empty" busybox true
  [[ "$output" == *"no device node in this folder"* ]]
}

@test "--cgroupns host: the paths are the host's; private is the default" {
  [ "$(tare run --rm busybox cut -d: -f3 /proc/self/cgroup | sort -u)" = / ]
  run -0 tare run --rm --cgroupns host busybox cat /proc/self/cgroup
  [[ "$output" == *:/tare/* ]]
  [ "$(tare run --rm --cgroupns host busybox readlink /proc/self/ns/cgroup)" = "$(readlink /proc/self/ns/cgroup)" ]
  run tare run --rm --cgroupns host busybox sh -c 'mkdir /sys/fs/cgroup/memory/x || mkdir /sys/fs/cgroup/x'
  [ "$status" -ne 0 ]
  run -125 tare run --rm --cgroupns x busybox true
}

@test "--ipc none: an IPC namespace of its own, without /dev/shm" {
  run -0 tare run --rm --ipc none busybox sh -c 'readlink /proc/self/ns/ipc; [ ! -e /dev/shm ] && echo gone'
  [ "${lines[0]}" != "$(readlink /proc/self/ns/ipc)" ]
  [ "${lines[1]}" = gone ]
  [ "$(tare run --rm --ipc private busybox stat -f -c %T /dev/shm)" = tmpfs ]
  run -125 tare run --rm --ipc none --shm-size 1m busybox true
}

@test "--platform: what is here and for another machine is not taken; --quiet" {
  tare run --rm --platform linux/amd64 busybox true || [ "$(uname -m)" != x86_64 ]
  local other=linux/s390x
  run -125 tare run --rm --pull never --platform $other busybox true
  [[ "$output" == *"busybox: the image that is here is for linux/"*", not for linux/s390x"* ]]
  run -125 tare run --rm --platform nonsense/x/y/z busybox true
  run -125 tare run --rm -q --pull never no:such true
  run -125 tare run --rm -q 127.0.0.1:1/no:such true
  [[ "$output" != *"Unable to find image"* ]]
  run -125 tare run --rm 127.0.0.1:1/no:such true
  [[ "$output" == *"Unable to find image"* ]]
}

@test "--ipc shareable, container:X: one IPC namespace and one /dev/shm" {
  tare run -d --name owner --ipc shareable busybox sleep 1000
  [ "$(tare inspect -f '{{.HostConfig.IpcMode}}' owner)" = shareable ]
  tare exec owner sh -c 'echo by-owner >/dev/shm/f'
  run -0 tare run --rm --ipc container:owner busybox sh -c 'readlink /proc/self/ns/ipc; cat /dev/shm/f; echo by-guest >/dev/shm/g; ls /dev/mqueue; grep -c " /dev/shm " /proc/mounts'
  [ "${lines[0]}" = "$(tare exec owner readlink /proc/self/ns/ipc)" ]
  [ "${lines[1]}" = by-owner ]
  [ "${lines[2]}" = 1 ]
  [ "$(tare exec owner cat /dev/shm/g)" = by-guest ]
  # the guest's own uses end with it, another's stay; it is found again when it is started again
  tare create --name guest --ipc container:owner busybox sh -c 'cat /dev/shm/g'
  [ "$(tare start -a guest)" = by-guest ]
  [[ "$(tare inspect -f '{{.HostConfig.IpcMode}}' guest)" == container:[0-9a-f]* ]]
  tare stop -t 0 owner
  run -1 tare start -a guest
  [[ "$output" == *"shares the IPC of container owner, which does not run"* ]]
  tare start owner
  run -1 tare start -a guest # what was in memory went
  [[ "$output" == *"No such file"* ]]
  tare rm -f guest owner
}

# /proc/PID/root is what its process made of it, and its links would be followed through the host's root.
@test "--ipc container:X: what X has made of its root leads nowhere on the host" {
  local pid
  tare run -d --name owner --ipc shareable busybox sh -c 'mkdir -p /j/bin /j/dev && cp /bin/busybox /j/bin && ln -s / /j/dev/shm && exec chroot /j /bin/busybox sleep 1000'
  pid=$(tare inspect -f '{{.State.Pid}}' owner)
  wait_until 5 test -L "/proc/$pid/root/dev/shm"
  run -0 tare run --rm --ipc container:owner busybox ls -A /dev/shm
  [ -z "$output" ]
  tare rm -f owner
}

@test "--ipc container:X: of a private one, none, the host's, of nobody it is an error" {
  tare run -d --name private busybox sleep 1000
  run -125 tare run --rm --ipc container:private busybox true
  [[ "$output" == *"--ipc container:private: its IPC is its own: make that one with --ipc shareable"* ]]
  run -125 tare run --rm --ipc container:nobody busybox true
  run -125 tare run --rm --ipc container: busybox true
  tare run -d --name sharing --ipc shareable busybox sleep 1000
  run -125 tare run --rm --ipc container:sharing --shm-size 1m busybox true
  [[ "$output" == *"give it to that one"* ]]
  run -125 tare run --rm --ipc container:sharing --userns=host busybox true
  [[ "$output" == *"a container that shares a namespace of sharing"* ]]
  run -125 tare run --rm --ipc container:sharing --pid container:private busybox true
  tare run --rm --ipc container:sharing --pid container:sharing busybox sh -c 'ps | grep -q "sleep 1000"'
  tare rm -f private sharing
}

# Options are read from left to right: whatever one makes of its value, --help is not reached by the unknown.
@test "every command, name of a command and option of docker's is known: it works, or is refused by name" {
  local command options o
  while read -r command options; do
    [[ $command != '#'* ]] || continue
    [ "$command" != - ] || command=
    local words=(${command//\// })
    run tare "${words[@]}" --help
    [[ "$output" == "Usage: tare"* || "$output" == *" is not supported: "* ]] || { echo "$command: $output"; return 1; }
    for o in $options; do
      run tare "${words[@]}" "$o=x" --help
      [[ "$output" != *"unknown option"* ]] || { echo "$command $o: $output"; bad=1; }
    done
  done <"$TARE_TESTS/lib/docker-cli.txt"
  [ -z "${bad:-}" ]
}

@test "other names of commands are the same commands, in help, too" {
  tare create --name other busybox
  [ "$(tare container list -a -q)" = "$(tare ps -aq)" ]
  [ "$(tare container ps -a --format '{{.Names}}')" = other ]
  tare container remove other
  [ "$(tare image list -q)" = "$(tare images -q)" ]
  tare network list -q; tare volume list -q
  tare volume create gone; tare volume remove gone
  [[ "$(tare container list --help)" == "Usage: tare container ls "*"Also: list, ps"* ]]
  [[ "$(tare help container ps)" == "Usage: tare container ls "* ]]
  run -1 tare container lst
  [[ "$output" == *'did you mean "tare container ls"?'* ]]
}

@test "what docker has and tare has not is refused with a reason" {
  run ! tare swarm init
  [[ "$output" == 'tare: command "tare swarm" is not supported: '* ]]
  run ! tare context ls
  [[ "$output" == *"without a daemon"* ]]
  run ! tare -H tcp://1.2.3.4 ps
  [[ "$output" == *"option -H is not supported: tare works without a daemon"* ]]
  run ! grep -E '(swarm|context|tlsverify)' <<<"$(tare --help)"
}

@test "history --human=false: times and bytes, as docker; --platform of what is here" {
  run -0 tare history --human=false busybox
  [[ "${lines[0]}" =~ ^IMAGE\ +CREATED\ AT\ +CREATED\ BY\ +SIZE\ +COMMENT$ ]]
  [[ "$(tare history -H=false --format '{{.Size}}' busybox | head -1)" =~ ^[0-9]+$ ]]
  [[ "$(tare history -H --format '{{.Size}}' busybox | head -1)" =~ B$ ]]
  local here=linux/amd64; [ "$(uname -m)" = x86_64 ] || here=linux/arm64
  tare history --platform $here busybox >/dev/null
  tare image inspect --platform $here busybox >/dev/null
  tare save --platform $here -o "$BATS_TEST_TMPDIR/a.tar" busybox
  tare tag busybox other:name
  run -0 tare rmi --no-prune --platform $here other:name
  for c in history 'image inspect' 'save -o /dev/null' rmi; do
    # shellcheck disable=SC2086
    run ! tare $c --platform linux/s390x busybox
    [[ "$output" == *"busybox: the image that is here is for $here"*", not for linux/s390x"* ]] || { echo "$c: $output"; return 1; }
  done
  tare image inspect busybox >/dev/null
}

@test "-D and --log-level: how much is told on stderr" {
  for how in -D '-l debug' --log-level=debug; do
    tare network create quiet >/dev/null
    # shellcheck disable=SC2086
    run -0 tare $how network rm quiet
    [[ "$output" == *"network quiet had no rules"* ]]
  done
  for how in '' '-l info' '--log-level warn' '-l fatal'; do
    tare network create quiet >/dev/null
    # shellcheck disable=SC2086
    run -0 tare $how network rm quiet
    [ "$output" = quiet ]
  done
  run -125 tare -l loud ps
  [[ "$output" == *'"loud": must be one of debug|info|warn|error|fatal'* ]]
}
