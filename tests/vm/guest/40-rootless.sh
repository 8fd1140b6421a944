# tare-oci of a user without rights on pure v2: with a cgroup that was delegated to him, and without. And who owns the
# cgroup of a container with a user namespace.
# shellcheck shell=sh
[ -x /usr/local/bin/tare-oci ] || return 0

DELEGATED=/sys/fs/cgroup/delegated
rl_prepare() {
  mkdir -p $DELEGATED/session /home/user/rootfs/bin /home/user/run && cp /bin/busybox /home/user/rootfs/bin/ || return 1
  mkdir -p /home/user/rootfs/proc /home/user/rootfs/sys /home/user/rootfs/dev
  for a in sh sleep cat id true mkdir ls echo rmdir; do ln -sf busybox "/home/user/rootfs/bin/$a"; done
  chown -R 1000:1000 /home/user && chmod 700 /home/user/run
  echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
  chown 1000:1000 $DELEGATED $DELEGATED/cgroup.procs $DELEGATED/cgroup.subtree_control $DELEGATED/cgroup.threads
  chown -R 1000:1000 $DELEGATED/session
}
# As the user; in the cgroup CG.
rl() {
  # shellcheck disable=SC2016
  sh -c 'echo $$ >"$0/cgroup.procs"; exec timeout 60 /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/user USER=user \
    XDG_RUNTIME_DIR=/home/user/run "$@"' "${CG:-$DELEGATED/session}" "$@"
}
# rl_bundle NAME COMMAND RESOURCES [MAPS] [MORE]: as spec --rootless has it
rl_bundle() {
  mkdir -p "/home/user/$1" && rm -f "/home/user/$1/config.json" && chown 1000:1000 "/home/user/$1" || return 1
  rl tare-oci spec --rootless -b "/home/user/$1" || return 1
  sed -i "s|\"terminal\": true|\"terminal\": false|; s|\"sh\"|\"sh\", \"-c\", \"$2\"|; s|\"rootfs\"|\"/home/user/rootfs\"|
    s|\"readonly\": true|\"readonly\": false|; s|\"linux\": {|\"linux\": { \"resources\": { $3 }, $5|" "/home/user/$1/config.json"
  [ -z "$4" ] || sed -i '/"hostID": 1000/{s/1000/0/;}' "/home/user/$1/config.json"
}
rl_cg() { echo "$DELEGATED/$1"; }
rl_pid() { rl tare-oci state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'; }
eq() { [ "$1" = "$2" ] || fail "\"$1\" is not \"$2\""; }

# Of busybox' timeout a watcher stays a second.
rl_rmdir() {
  for _ in 1 2 3 4 5 6; do rmdir "$1" 2>/dev/null && return 0; sleep 0.5; done
  rmdir "$1"
}

rl_runs() {
  rl_bundle r0 'id; cat /proc/self/cgroup /sys/fs/cgroup/cgroup.procs' '' || return 1
  out=$(rl tare-oci run -b /home/user/r0 r0) || fail "$out" || return 1
  eq "$(echo "$out" | head -2)" "uid=0 gid=0
0::/" && [ ! -e "$(rl_cg r0)" ]
}
rl_creates() {
  rl_bundle r1 'exec sleep 1000' '"memory": { "limit": 33554432 }, "pids": { "limit": 20 }, "cpu": { "quota": 20000, "period": 100000 }, "devices": [ { "allow": false, "access": "rwm" } ]' || return 1
  rl tare-oci create -b /home/user/r1 r1 </dev/null >/dev/null || return 1
  cat "/proc/$(rl_pid r1)/cgroup"
  eq "$(cat "/proc/$(rl_pid r1)/cgroup")" 0::/delegated/r1 && eq "$(cat "$(rl_cg r1)/cgroup.procs")" "$(rl_pid r1)" &&
    eq "$(cat "$(rl_cg r1)/memory.max")" 33554432 && eq "$(cat "$(rl_cg r1)/pids.max")" 20 && eq "$(cat "$(rl_cg r1)/cpu.max")" "20000 100000" &&
    rl tare-oci start r1
}
rl_execs() {
  eq "$(rl tare-oci exec r1 cat /proc/self/cgroup)" 0::/ && rl tare-oci exec -d r1 sleep 77 && sleep 1 || return 1
  eq "$(wc -l <"$(rl_cg r1)/cgroup.procs")" 2 && rl tare-oci ps r1 | grep 'sleep 77'
}
rl_execs_from_elsewhere() {
  mkdir -p /sys/fs/cgroup/elsewhere
  CG=/sys/fs/cgroup/elsewhere rl tare-oci exec r1 true 2>&1 | grep 'no rights to move a process from our cgroup' || return 1
  rl_rmdir /sys/fs/cgroup/elsewhere
}
rl_pauses() {
  rl tare-oci pause r1 && grep -x 'frozen 1' "$(rl_cg r1)/cgroup.events" && rl tare-oci state r1 | grep -q '"paused"' && rl tare-oci resume r1 &&
    grep -x 'frozen 0' "$(rl_cg r1)/cgroup.events"
}
rl_updates() {
  rl tare-oci update --memory 50331648 --pids-limit 30 r1 && eq "$(cat "$(rl_cg r1)/memory.max" "$(rl_cg r1)/pids.max")" "50331648
30" && rl tare-oci events --stats r1 | grep '"usage":{"limit":50331648'
}
# Both, with one write: the cgroup is the user's.
rl_kills() {
  rl tare-oci kill -a r1 KILL && sleep 1 && eq "$(grep populated "$(rl_cg r1)/cgroup.events")" "populated 0" && rl tare-oci delete r1 && [ ! -e "$(rl_cg r1)" ] &&
    rl_bundle r2 'exec sleep 1000' '' && rl tare-oci run -d -b /home/user/r2 r2 </dev/null >/dev/null && rl tare-oci delete -f r2 && [ ! -e "$(rl_cg r2)" ]
}
rl_asks_for_a_path() {
  rl_bundle r3 'exec sleep 1000' '' '' '"cgroupsPath": "/delegated/a/b",' && rl tare-oci run -d -b /home/user/r3 r3 </dev/null >/dev/null || return 1
  eq "$(cat "/proc/$(rl_pid r3)/cgroup")" 0::/delegated/a/b && rl tare-oci delete -f r3 && [ ! -e $DELEGATED/a/b ] && rmdir $DELEGATED/a || return 1
  rl_bundle r3 'cat /proc/1/cgroup' '' '' '"cgroupsPath": "/foreign/b",'
  rl tare-oci run -b /home/user/r3 r3 2>&1 </dev/null | grep 'no rights to make cgroup /foreign/b'
}
rl_without_rights() {
  rl_bundle r4 'cat /proc/1/cgroup; echo 1 2>/dev/null >/sys/fs/cgroup/cgroup.procs; echo $?' '' || return 1
  # a folder that may be written to is no way in
  mkdir -p /sys/fs/cgroup/elsewhere
  out=$(CG=/sys/fs/cgroup/elsewhere rl tare-oci run -b /home/user/r4 r4 2>&1 </dev/null) || fail "$out" || return 1
  eq "$out" "0::/
1" || return 1
  rl_bundle r4 'true' '"pids": { "limit": 20 }'
  CG=/sys/fs/cgroup/elsewhere rl tare-oci run -b /home/user/r4 r4 2>&1 </dev/null | grep 'limits need a cgroup' || return 1
  rl_bundle r4 'true' '' '' '"cgroupsPath": "/delegated/x",'
  CG=/sys/fs/cgroup/elsewhere rl tare-oci run -b /home/user/r4 r4 2>&1 </dev/null | grep 'no rights' || return 1
  [ ! -e $DELEGATED/x ] && rl_rmdir /sys/fs/cgroup/elsewhere && eq "$(ls /home/user/run/tare-oci)" ""
}
# As podman calls it.
rl_root_of_a_namespace() {
  mkdir -p /home/user/r6 && chown 1000:1000 /home/user/r6 && rm -f /home/user/r6/config.json && rl tare-oci spec -b /home/user/r6 || return 1
  sed -i 's|"terminal": true|"terminal": false|; s|"sh"|"sh", "-c", "cat /proc/1/cgroup; cat /sys/fs/cgroup/pids.max; id"|; s|"rootfs"|"/home/user/rootfs"|
    /"mode=0620"/{s/,//;}; /"gid=5"/d; s|"resources": {|"resources": { "pids": { "limit": 20 },|' /home/user/r6/config.json
  out=$(rl unshare -Urm tare-oci run -b /home/user/r6 r6 2>&1 </dev/null)
  eq "$out" "0::/
20
uid=0 gid=0" && [ ! -e "$(rl_cg r6)" ]
}
# A container that may write to its cgroup: it is its own, limits are not.
rl_owns() {
  rl_bundle r5 'ls -ln /sys/fs/cgroup >/list; mkdir /sys/fs/cgroup/inner \&\& echo 1 >/sys/fs/cgroup/inner/cgroup.procs \&\& cat /proc/self/cgroup; echo 5 >/sys/fs/cgroup/pids.max \|\| echo denied' '"pids": { "limit": 20 }' || return 1
  sed -i '/"mode=755"/b; s|"relatime", *"ro"|"relatime"|; /"relatime",/{N;s|"relatime",[[:space:]]*"ro"|"relatime"|}; s/"hostID": 1000/"hostID": 70000/' /home/user/r5/config.json
  grep -A8 '/sys/fs/cgroup' /home/user/r5/config.json
  chown 70000:70000 /home/user/rootfs
  out=$(timeout 60 tare-oci --root /run/oci-own run -b /home/user/r5 r5 2>&1 </dev/null)
  chown 1000:1000 /home/user/rootfs
  echo "$out"; cat /home/user/rootfs/list
  eq "$out" "0::/inner
sh: can't create /sys/fs/cgroup/pids.max: Permission denied
denied" && grep -q ' 0 .* cgroup.procs' /home/user/rootfs/list && [ ! -e /sys/fs/cgroup/r5 ]
}
# Its files are the caller's, who is root in there: but where cgroup2 is mounted with nsdelegate not from inside.
rl_cannot_raise() {
  rl_bundle r7 'echo 5 >/sys/fs/cgroup/pids.max \|\| echo denied; mkdir /sys/fs/cgroup/inner \&\& echo made; rmdir /sys/fs/cgroup/inner; cat /sys/fs/cgroup/pids.max' '"pids": { "limit": 20 }' || return 1
  sed -i '/"relatime",/{N;s|"relatime",[[:space:]]*"ro"|"relatime"|}' /home/user/r7/config.json
  out=$(rl tare-oci run -b /home/user/r7 r7 2>/dev/null </dev/null)
  eq "$out" "denied
made
20" && [ ! -e "$(rl_cg r7)" ]
}
rl_leaves_nothing() { eq "$(ls /home/user/run/tare-oci)" "" && eq "$(find $DELEGATED -mindepth 1 -type d)" $DELEGATED/session && rl_rmdir $DELEGATED/session && rmdir $DELEGATED; }

check "a cgroup delegated to a user" rl_prepare
check "rootless run in it" rl_runs
check "rootless create: born in its cgroup, with limits" rl_creates
check "rootless exec is in the cgroup" rl_execs
check "rootless exec from elsewhere" rl_execs_from_elsewhere
check "rootless pause and resume" rl_pauses
check "rootless update and events" rl_updates
check "rootless kill and delete" rl_kills
check "rootless cgroupsPath" rl_asks_for_a_path
check "rootless without rights over cgroups" rl_without_rights
check "root of a user namespace in a delegated cgroup" rl_root_of_a_namespace
check "the container's process owns its cgroup" rl_owns
check "a user's container cannot raise its limits" rl_cannot_raise
check "rootless leaves nothing" rl_leaves_nothing
