# One user-namespaced container's life: load, run, exec, remove.
# shellcheck shell=sh
[ -x /usr/local/bin/tare ] || return 0

machine() { # what must be the same before and after
  find /sys/fs/cgroup -type d -path '*/tare/*' ! -path '*/tare/monitor'
  awk '{ print "mount " $5 }' /proc/self/mountinfo
  # shellcheck disable=SC2009
  ps -o comm | grep '^tare' | sort
}
id_of() { tare inspect "$1" | sed -n 's/^[[:space:]]*"Id": "\([0-9a-f]*\)".*/\1/p' | head -1; }
cgroup_of() { echo "/sys/fs/cgroup/tare/$(id_of "$1")"; }
pid_of() { sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' "/run/tare/$(id_of "$1")/state.json" | head -1; }

can_load() { tare load -i /tests/busybox.tar && tare images | grep busybox; }
runs_in_userns() {
  map=$(tare run --rm busybox cat /proc/self/uid_map) || fail "$map" || return 1
  echo "map: $map"
  # shellcheck disable=SC2086
  set -- $map
  [ "$1" = 0 ] && [ "$2" != 0 ]
}
passes_exit_code() { tare run --rm busybox sh -c 'exit 7'; [ $? = 7 ]; }
runs_detached() {
  tare run -d --name c1 -m 64m --cpus 0.5 --pids-limit 50 busybox sleep 1000 && tare ps | grep c1
}
limits_are_set() {
  cg=$(cgroup_of c1)
  grep -H . "$cg"/memory.max "$cg"/memory.swap.max "$cg"/cpu.max "$cg"/pids.max "$cg"/cgroup.procs
  [ "$(cat "$cg/memory.max")" = 67108864 ] && [ "$(cat "$cg/pids.max")" = 50 ] &&
    [ "$(cat "$cg/cpu.max")" = "50000 100000" ] && grep -qx "$(pid_of c1)" "$cg/cgroup.procs"
}
execs_inside() {
  out=$(tare exec c1 sh -c 'hostname; id -u; cat /proc/self/uid_map /proc/self/cgroup; touch /made; ls -ln /made') || fail "$out" || return 1
  echo "$out"
  echo "$out" | grep -qx '0::/'
}
exec_is_in_its_cgroup() {
  tare exec -d c1 sleep 77
  sleep 1
  # shellcheck disable=SC2009
  pid=$(ps -o pid,args | grep '[ ]sleep 77' | sed 's/^ *\([0-9]*\).*/\1/')
  cat "/proc/$pid/cgroup"
  grep -q "/tare/$(id_of c1)\$" "/proc/$pid/cgroup"
}
devices_are_filtered() {
  tare exec c1 sh -c 'echo > /dev/null && head -c 1 /dev/zero | wc -c' &&
    ! tare exec c1 mknod /tmp/mem c 1 1
}
pauses() {
  tare pause c1 && grep -x 'frozen 1' "$(cgroup_of c1)/cgroup.events" && tare unpause c1 &&
    grep -x 'frozen 0' "$(cgroup_of c1)/cgroup.events"
}
oom_is_told() {
  tare run --name hog -m 16m busybox tail /dev/zero
  code=$?
  tare inspect hog | grep -i oomkilled
  echo "exit code $code"
  [ $code = 137 ] && tare inspect hog | grep -qi '"oomkilled": true' && tare rm hog
}
binds_are_mapped() {
  mkdir -p /root/w && tare run --rm -v /root/w:/w busybox sh -c 'touch /w/f && ls -ln /w/f' && ls -ln /root/w/f &&
    [ "$(stat -c %u /root/w/f)" = 0 ]
}
many_layers() {
  tare load -i /tests/layers.tar && tare run --rm layers sh -c 'cat /layer-*' >/tmp/layers &&
    [ "$(wc -l </tmp/layers)" = 40 ]
}
host_userns() { tare run --rm --userns=host busybox cat /proc/self/uid_map | grep -qE '^ *0 +0 '; }
privileged() { tare run --rm --privileged busybox sh -c 'mkdir /m && mount -t tmpfs t /m && ls /dev/nvme0n1'; }
read_only() { tare run --rm --read-only --tmpfs /t busybox sh -c 'touch /t/f && ! touch /f'; }
terminal() { tare run --rm -t busybox sh -c 'test -t 1 && tty' </dev/null | grep /dev/ ; }
logs_are_kept() {
  tare run -d --name l1 busybox sh -c 'echo one; echo two >&2; exit 3' && tare wait l1 | grep -x 3 &&
    [ "$(tare logs l1 2>&1 | sort | tr '\n' ' ')" = "one two " ] && tare rm l1
}
stops_and_starts() {
  tare stop -t 1 c1 && tare inspect c1 | grep -q '"Running": false' && tare start c1 &&
    tare exec c1 cat /made # the upper folder is still there
}
# On this kernel nobody but the parent learns an exit code: without its keeper the container's is unknown, not invented.
keeper_killed() {
  tare run -d --name k1 busybox sleep 1000
  state=/run/tare/$(id_of k1)/state.json
  kill -9 "$(sed -n 's/.*"keeper": *\([0-9]*\).*/\1/p' "$state")"
  sleep 1
  tare exec k1 true || fail "exec after the keeper's death" || return 1
  tare kill k1
  tare wait k1
  cat "$state"
  tare ps -a | grep k1
  # this kernel tells it to nobody but the parent, once that has reaped: right, or honestly unknown
  { ! grep -q '"exitKnown": *true' "$state" || grep -q '"exitCode": *137\b' "$state"; } && tare rm -f k1
}
removes() { tare rm -f c1 && ! tare ps -a | grep c1; }
leaves_nothing() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    machine >/tmp/after
    cmp -s /tmp/before /tmp/after && return 0
    sleep 0.5
  done
  diff /tmp/before /tmp/after
}


# A published port from the host's loopback, a neighbour by name, and nothing left in the firewall; on this kernel, too.
networks() {
  tare network create net >/dev/null &&
    tare run -d --name web --network net -p 8080:80 busybox sh -c 'exec nc -ll -p 80 -e echo here' >/dev/null && sleep 1 &&
    [ "$(nc -w 2 127.0.0.1 8080 </dev/null)" = here ] &&
    [ "$(tare run --rm --network net busybox nc -w 2 web 80 </dev/null)" = here ] &&
    tare run --rm busybox ip route | grep 'default via 10.210.0.1' &&
    tare rm -f web && tare network rm net && ! nft list ruleset | grep 'tcp \. 8080' && ! nc -w 2 127.0.0.1 8080 </dev/null
}

machine >/tmp/before
check "tare load" can_load
check "tare run in a user namespace" runs_in_userns
check "tare run passes the exit code" passes_exit_code
check "tare run -d with limits" runs_detached
check "the limits are in the kernel" limits_are_set
check "tare exec" execs_inside
check "tare exec runs in the container's cgroup" exec_is_in_its_cgroup
check "devices" devices_are_filtered
check "tare pause and unpause" pauses
check "an OOM kill is told" oom_is_told
check "tare run -v is id-mapped" binds_are_mapped
check "tare stop and start" stops_and_starts
check "an image of 40 layers" many_layers
check "tare run --userns=host" host_userns
check "tare run --privileged" privileged
check "tare run --read-only" read_only
check "tare run -t" terminal
check "networks: ports, names, nothing left" networks
check "tare logs" logs_are_kept
check "a container whose keeper was killed" keeper_killed
check "tare rm" removes
check "nothing is left behind" leaves_nothing
