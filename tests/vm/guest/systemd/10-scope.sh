# tare-oci with systemd as the maker of cgroups: a container's life in a transient scope.
# shellcheck shell=sh
cd /root || exit 1
oci() { timeout 60 /usr/local/bin/tare-oci --root /run/oci "$@"; }
sd() { oci --systemd-cgroup "$@"; }
scope_of() { echo "/sys/fs/cgroup/machine.slice/machine-test.slice/pod-$1.scope"; }
shown() { systemctl show -P "$2" "$1"; }
is() { [ "$1" = "$2" ] || fail "\"$1\" is not \"$2\""; }
# what must fail: its output goes to a file, for a container that was made after all would hold a pipe open
refused() { "$@" >/tmp/refused 2>&1 </dev/null && fail "went through: $*" && return 1; cat /tmp/refused; return 0; }
gone() { # UNIT FOLDER
  [ ! -e "$2" ] || fail "$2 is still there" || return 1
  is "$(shown "$1" LoadState)" not-found
}

# bundle NAME LINUX ANNOTATIONS: a bundle that sleeps; LINUX goes into its linux object
bundle() {
  mkdir -p "/root/$1/rootfs/bin" && cp /bin/busybox "/root/$1/rootfs/bin/" || return 1
  for a in sh sleep cat true; do ln -sf busybox "/root/$1/rootfs/bin/$a"; done
  cat >"/root/$1/config.json" <<JSON
{ "ociVersion": "1.0.2", "root": { "path": "rootfs" }, "annotations": { $3 },
  "process": { "cwd": "/", "args": ["/bin/sleep", "1000"], "env": ["PATH=/bin"], "user": { "uid": 0, "gid": 0 } },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
              { "destination": "/dev", "type": "tmpfs", "source": "tmpfs" } ],
  "linux": { "namespaces": [ { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" }, { "type": "cgroup" } ], $2 } }
JSON
}

runs_systemd() { is "$(cat /proc/1/comm)" systemd && systemctl --version | head -1 && grep -c . /sys/fs/cgroup/cgroup.controllers; }
creates() {
  bundle c1 '"cgroupsPath": "machine-test.slice:pod:c1", "resources": {
      "memory": { "limit": 67108864, "swap": 100663296, "reservation": 33554432 },
      "cpu": { "shares": 512, "quota": 12345, "period": 50000, "cpus": "0" }, "pids": { "limit": 50 },
      "unified": { "memory.high": "50331648" } }' \
    '"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'"'
  sd create -b /root/c1 c1 </dev/null && oci state c1 && is "$(shown pod-c1.scope ActiveState)" active &&
    oci state c1 | grep -q '"created"'
}
in_its_scope() {
  pid=$(oci state c1 | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
  grep -x '0::/machine.slice/machine-test.slice/pod-c1.scope' "/proc/$pid/cgroup" || fail "$(cat "/proc/$pid/cgroup")" || return 1
  is "$(cat "$(scope_of c1)/cgroup.procs")" "$pid"
}
kernel_limits() {
  cd "$(scope_of c1)" || return 1
  grep -H . memory.max memory.swap.max memory.low memory.high cpu.max cpu.weight pids.max cpuset.cpus
  is "$(cat memory.max)" 67108864 && is "$(cat memory.swap.max)" 33554432 && is "$(cat memory.low)" 33554432 &&
    is "$(cat memory.high)" 50331648 && is "$(cat cpu.max)" "12500 50000" && is "$(cat pids.max)" 50 &&
    is "$(cat cpuset.cpus)" 0
}
systemd_limits() {
  u=pod-c1.scope
  is "$(shown $u MemoryMax)" 67108864 && is "$(shown $u MemorySwapMax)" 33554432 && is "$(shown $u MemoryLow)" 33554432 &&
    is "$(shown $u MemoryHigh)" 50331648 && is "$(shown $u TasksMax)" 50 && is "$(shown $u CPUQuotaPerSecUSec)" 250ms &&
    is "$(shown $u AllowedCPUs)" 0 && is "$(shown $u Delegate)" yes && is "$(shown $u Slice)" machine-test.slice
}
annotations() {
  is "$(shown pod-c1.scope TimeoutStopUSec)" 7s && is "$(shown pod-c1.scope CollectMode)" inactive-or-failed
}
starts() { oci start c1 && oci state c1 | grep -q '"running"'; }
survives_reload() {
  systemctl daemon-reload && sleep 1 && oci state c1 | grep -q '"running"' && kernel_limits
}
execs() {
  out=$(oci exec c1 cat /proc/self/cgroup) || fail "$out" || return 1
  is "$out" 0::/
}
exec_without_option_is_in_the_scope() {
  oci exec -d c1 sleep 77 && sleep 1
  # shellcheck disable=SC2009
  pid=$(ps -o pid,args | grep '[ ]sleep 77' | sed 's/^ *\([0-9]*\).*/\1/')
  grep -qx '0::/machine.slice/machine-test.slice/pod-c1.scope' "/proc/$pid/cgroup"
}
devices() { oci exec c1 sh -c 'cat </dev/null' && ! oci exec c1 sh -c 'mknod /dev/m c 1 1 && cat /dev/m' 2>/dev/null; }
# in the kernel and in systemd, which writes its own idea of it whenever it looks at the unit again
added_device() {
  mknod -m 0666 /root/klog c 1 11 && chmod 666 /root/klog && oci update --device-add /root/klog:/dev/klog c1 || return 1
  oci exec c1 sh -c '[ -c /dev/klog ] && : >/dev/klog' || fail "cannot be opened" || return 1
  systemctl daemon-reload && oci exec c1 sh -c ': >/dev/klog' || fail "not after a daemon-reload" || return 1
  oci update --pids-limit 51 c1 && oci exec c1 sh -c ': >/dev/klog' || fail "not after an update" || return 1
  oci update --pids-limit 50 c1 && oci update --device-rm /dev/klog c1 || return 1
  ! oci exec c1 sh -c ': >/dev/klog && [ -c /dev/klog ]' || fail "still there" || return 1
  systemctl show pod-c1.scope | grep -i '^device'
  oci exec c1 sh -c 'cat </dev/null'
}
pauses() {
  oci pause c1 && oci state c1 | grep -q '"paused"' && oci resume c1 && oci state c1 | grep -q '"running"'
}
updates() {
  sd update --memory 83886080 --memory-swap 100663296 --pids-limit 60 --cpu-share 1024 c1 || return 1
  cd "$(scope_of c1)" || return 1
  grep -H . memory.max memory.swap.max pids.max cpu.max cpu.weight
  is "$(cat memory.max)" 83886080 && is "$(cat memory.swap.max)" 16777216 && is "$(cat pids.max)" 60 &&
    is "$(cat cpu.max)" "12500 50000" && is "$(cat cpu.weight)" 100 &&
    is "$(shown pod-c1.scope MemoryMax)" 83886080 && is "$(shown pod-c1.scope TasksMax)" 60 &&
    is "$(shown pod-c1.scope CPUWeight)" 100
}
updates_in_parts() {
  sd update --cpu-period 100000 c1 && sd update --memory-swap 167772160 c1 && sd update --cpu-share 512 c1 || return 1
  cd "$(scope_of c1)" || return 1
  grep -H . memory.max memory.swap.max pids.max cpu.max cpu.weight
  is "$(cat cpu.max)" "13000 100000" && is "$(cat memory.max)" 83886080 && is "$(cat memory.swap.max)" 83886080 &&
    is "$(cat pids.max)" 60 && is "$(shown pod-c1.scope MemorySwapMax)" 83886080 || return 1
  before=$(cat cpu.max cpu.weight memory.max memory.swap.max pids.max)
  systemctl daemon-reload && sleep 1 && is "$(cat cpu.max cpu.weight memory.max memory.swap.max pids.max)" "$before"
}
same_name_is_refused() {
  refused sd --root /run/oci2 create -b /root/c1 c9 || return 1
  grep -q 'already' /tmp/refused || return 1
  # the first is untouched, and nothing of the second is left
  oci state c1 | grep -q '"running"' && is "$(shown pod-c1.scope ActiveState)" active && [ ! -e /run/oci2/c9 ]
}
kills_and_deletes() {
  oci kill c1 KILL && sleep 1 && oci state c1 | grep -q '"stopped"' && oci delete c1 && gone pod-c1.scope "$(scope_of c1)"
}
deletes_a_running_one() {
  bundle c2 '"cgroupsPath": "machine-test.slice:pod:c2", "resources": {}' '' && sd create -b /root/c2 c2 && oci start c2 &&
    oci delete -f c2 && gone pod-c2.scope "$(scope_of c2)"
}
runs_in_the_foreground() {
  bundle c3 '"resources": { "pids": { "limit": 20 } }' '' &&
    sed -i 's|"/bin/sleep", "1000"|"/bin/sh", "-c", "cat /sys/fs/cgroup/pids.max; exit 7"|; s|"mounts": \[|"mounts": [ { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"] },|' /root/c3/config.json
  out=$(sd run -b /root/c3 c3)
  rc=$?
  echo "$out"
  is $rc 7 && is "$out" 20 && gone tare-oci-c3.scope /sys/fs/cgroup/system.slice/tare-oci-c3.scope
}
oom_kill_leaves_nothing() {
  bundle c4 '"cgroupsPath": "machine-test.slice:pod:c4", "resources": { "memory": { "limit": 8388608, "swap": 8388608 } }' '' &&
    sed -i 's|"/bin/sleep", "1000"|"/bin/busybox", "tail", "/dev/zero"|' /root/c4/config.json
  sd run -b /root/c4 c4
  is $? 137 && gone pod-c4.scope "$(scope_of c4)"
}
failed_start_leaves_nothing() {
  bundle c5 '"cgroupsPath": "machine-test.slice:pod:c5"' '"org.systemd.property.NoSuchThing": "true"'
  refused sd create -b /root/c5 c5 && grep -q NoSuchThing /tmp/refused && [ ! -e /run/oci/c5 ] && gone pod-c5.scope "$(scope_of c5)"
}
failed_container_leaves_nothing() {
  bundle c6 '"cgroupsPath": "machine-test.slice:pod:c6", "rootfsPropagation": "nonsense"' ''
  refused sd create -b /root/c6 c6 && grep -q nonsense /tmp/refused && gone pod-c6.scope "$(scope_of c6)" && [ ! -e /run/oci/c6 ]
}
killed_creator_leaves_no_scope() {
  bundle c7 '"cgroupsPath": "machine-test.slice:pod:c7", "resources": {}' '' &&
    sed -i 's|"linux": {|"hooks": { "createRuntime": [ { "path": "/bin/busybox", "args": ["sleep", "100"] } ] }, "linux": {|' /root/c7/config.json
  sd create -b /root/c7 c7 >/dev/null 2>&1 </dev/null &
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e "$(scope_of c7)" ] && break; sleep 0.5; done
  sleep 2
  killall -9 tare-oci
  oci delete -f c7 && gone pod-c7.scope "$(scope_of c7)" && [ ! -e /run/oci/c7 ]
}
in_a_subgroup() {
  bundle c9 '"cgroupsPath": "machine-test.slice:pod:c9", "resources": { "pids": { "limit": 33 } }' '"run.oci.systemd.subgroup": "inner"' &&
    sd create -b /root/c9 c9 </dev/null && oci start c9 || return 1
  at=$(scope_of c9)
  pid=$(oci state c9 | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
  grep -x '0::/machine.slice/machine-test.slice/pod-c9.scope/inner' "/proc/$pid/cgroup" || fail "$(cat "/proc/$pid/cgroup")" || return 1
  is "$(cat "$at/cgroup.procs")" "" && is "$(cat "$at/inner/pids.max" "$at/pids.max" | xargs)" "33 33" &&
    is "$(oci exec c9 cat /proc/self/cgroup)" 0::/ || return 1
  sd update --pids-limit 44 c9 && is "$(cat "$at/inner/pids.max" "$at/pids.max" | xargs)" "44 44" || return 1
  oci pause c9 && oci state c9 | grep -q '"paused"' && oci resume c9 && oci delete -f c9 && gone pod-c9.scope "$at" || return 1
  # empty: none, as without it
  bundle c10 '"cgroupsPath": "machine-test.slice:pod:c10"' '"run.oci.systemd.subgroup": ""' && sd create -b /root/c10 c10 </dev/null &&
    [ -n "$(cat "$(scope_of c10)/cgroup.procs")" ] && oci delete -f c10 && gone pod-c10.scope "$(scope_of c10)" || return 1
  bundle c11 '"cgroupsPath": "machine-test.slice:pod:c11"' '"run.oci.systemd.subgroup": ".."'
  refused sd create -b /root/c11 c11 && grep -q 'not the name of one folder' /tmp/refused && [ ! -e /run/oci/c11 ] &&
    gone pod-c11.scope "$(scope_of c11)"
}
# between any two system calls (tests/fault/step-killer.c): the whole runtime, and only the process that made the call
killed_at_any_call() { # ARGS...
  bundle k '"cgroupsPath": "machine-test.slice:pod:k", "resources": { "pids": { "limit": 50 } }' ''
  for variant in "" --caller; do
    # shellcheck disable=SC2086
    timeout 300 step-killer $variant --sample 12 --seed "$(date +%s)" --cleanup 'tare-oci --root /run/oci delete -f k' \
      ${SETUP:+--setup "$SETUP"} --gone /run/oci/k --gone "$(scope_of k)" -- /usr/local/bin/tare-oci --root /run/oci --systemd-cgroup "$@" \
      </dev/null || return 1
  done
}
without_the_bus() {
  bundle c8 '"cgroupsPath": "machine-test.slice:pod:c8", "resources": {}' ''
  DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere refused sd create -b /root/c8 c8 &&
    grep -q 'no system bus at unix:path=/nowhere' /tmp/refused && [ ! -e /run/oci/c8 ]
}
nothing_left() {
  systemctl list-units --all --plain --no-legend '*.scope' | grep -v '^init.scope' && return 1
  ls /run/oci
  [ -z "$(ls /run/oci)" ]
}

check "systemd is PID 1" runs_systemd
check "create makes a scope in its slice" creates
check "init was born in the scope, alone" in_its_scope
check "limits are in the kernel" kernel_limits
check "limits are in systemd" systemd_limits
check "annotations are properties" annotations
check "start" starts
check "a daemon-reload changes nothing" survives_reload
check "exec" execs
check "exec is in the scope" exec_without_option_is_in_the_scope
check "device rules" devices
check "a device added and taken away" added_device
check "pause and resume" pauses
check "a unit of somebody else is left alone" same_name_is_refused
check "update" updates
check "update of parts" updates_in_parts
check "kill and delete" kills_and_deletes
check "delete -f" deletes_a_running_one
check "run in the foreground, default names" runs_in_the_foreground
check "an OOM kill leaves no failed unit" oom_kill_leaves_nothing
check "a cgroup below the scope" in_a_subgroup
check "a property that systemd refuses" failed_start_leaves_nothing
check "a container that can't be made leaves no scope" failed_container_leaves_nothing
check "a killed create leaves nothing behind" killed_creator_leaves_no_scope
check "create killed at any call leaves nothing" killed_at_any_call create -b /root/k k
SETUP='tare-oci --root /run/oci --systemd-cgroup create -b /root/k k </dev/null >/dev/null 2>&1; tare-oci --root /run/oci start k'
check "exec killed at any call leaves nothing" killed_at_any_call exec k true
check "delete killed at any call leaves nothing" killed_at_any_call delete -f k
SETUP=
check "without a bus the error says so" without_the_bus
check "no scope and no state is left" nothing_left
