# Units of a user without rights: his manager (systemd --user), and he in a session of his that is not below it, as a
# login makes it. What is in the one may not be moved into the other by him, but by systemd.
# shellcheck shell=sh
unset DBUS_SESSION_BUS_ADDRESS
user_manager=/user.slice/user-1000.slice/his.service
session=/sys/fs/cgroup/user.slice/user-1000.slice/session-1.scope
user_run=/run/user/1000

# As the user, in the cgroup IN (his session).
he() {
  # shellcheck disable=SC2016
  sh -c 'echo $$ >"$0/cgroup.procs" && exec timeout 60 /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/user USER=user \
    XDG_RUNTIME_DIR=/run/user/1000 "$@"' "${IN:-$session}" "$@"
}
his() { he tare-oci --systemd-cgroup "$@"; }
his_scope() { echo "/sys/fs/cgroup$user_manager/user.slice/tare-oci-$1.scope"; }
his_pid() { his state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'; }
his_bundle() { # NAME RESOURCES
  mkdir -p "/home/user/$1/rootfs/bin" "/home/user/$1/rootfs/proc" "/home/user/$1/rootfs/sys" "/home/user/$1/rootfs/dev" &&
    cp /bin/busybox "/home/user/$1/rootfs/bin/" || return 1
  for a in sh sleep cat true; do ln -sf busybox "/home/user/$1/rootfs/bin/$a"; done
  chown -R 1000:1000 /home/user && rm -f "/home/user/$1/config.json" && he tare-oci spec --rootless -b "/home/user/$1" || return 1
  sed -i "s|\"terminal\": true|\"terminal\": false|; s|\"sh\"|\"sleep\", \"1000\"|; s|\"linux\": {|\"linux\": { \"resources\": { $2 },|" "/home/user/$1/config.json"
}

his_manager() {
  mkdir -p $user_run /home/user && chmod 0700 $user_run && chown 1000:1000 $user_run /home/user || return 1
  systemd-run -q --unit his --slice user-1000.slice -p User=1000 -p Type=notify -p Delegate=yes -p "Environment=XDG_RUNTIME_DIR=$user_run" \
    /usr/lib/systemd/systemd --user --unit=sockets.target || fail "$(systemctl status his)" || return 1
  systemd-run -q --scope --unit session-1.scope --slice user-1000.slice sleep 3600 &
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e $session ] && break; sleep 0.5; done
  [ -S $user_run/bus ] && [ -e $session ]
}
his_scope_is_made() {
  his_bundle h1 '"memory": { "limit": 67108864 }, "pids": { "limit": 30 }'
  his create -b /home/user/h1 h1 </dev/null >/dev/null && his start h1 || return 1
  cat "/proc/$(his_pid h1)/cgroup"
  is "$(cat "/proc/$(his_pid h1)/cgroup")" "0::$user_manager/user.slice/tare-oci-h1.scope" &&
    is "$(cat "$(his_scope h1)/cgroup.procs")" "$(his_pid h1)" && is "$(cat "$(his_scope h1)/memory.max")" 67108864 &&
    is "$(he systemctl --user show -P TasksMax tare-oci-h1.scope)" 30
}
his_exec() {
  is "$(his exec h1 cat /proc/self/cgroup)" 0::/ && his exec -d h1 sleep 77 && sleep 1 || return 1
  is "$(wc -l <"$(his_scope h1)/cgroup.procs")" 2
}
his_pause() { his pause h1 && his state h1 | grep -q '"paused"' && his resume h1 && his state h1 | grep -q '"running"'; }
his_update() {
  his update --memory 83886080 --pids-limit 40 h1 && is "$(cat "$(his_scope h1)/memory.max")" 83886080 &&
    is "$(he systemctl --user show -P TasksMax tare-oci-h1.scope)" 40
}
his_delete() {
  his kill h1 KILL && sleep 1 && his delete h1 && [ ! -e "$(his_scope h1)" ] && is "$(he systemctl --user show -P LoadState tare-oci-h1.scope)" not-found
}
# Root in there is not he himself, and systemd moves nothing of other users for him.
his_range() {
  his_bundle h4 '"pids": { "limit": 30 }' && sed -i '/"hostID": 1000/{s/1000/200000/;}; s/"size": 1$/"size": 65536/' /home/user/h4/config.json &&
    his create -b /home/user/h4 h4 </dev/null >/dev/null && his start h4 || return 1
  grep . "/proc/$(his_pid h4)/uid_map"
  is "$(xargs <"/proc/$(his_pid h4)/uid_map")" "0 200000 65536" && is "$(cat "/proc/$(his_pid h4)/cgroup")" "0::$user_manager/user.slice/tare-oci-h4.scope" &&
    his exec -d h4 sleep 77 && sleep 1 && is "$(wc -l <"$(his_scope h4)/cgroup.procs")" 2 && his delete -f h4 && [ ! -e "$(his_scope h4)" ]
}
# What runs below his manager has the right itself.
his_below() {
  mkdir -p "/sys/fs/cgroup$user_manager/shell" && chown -R 1000:1000 "/sys/fs/cgroup$user_manager/shell" || return 1
  his_bundle h2 '"pids": { "limit": 30 }'
  IN=/sys/fs/cgroup$user_manager/shell his run -d -b /home/user/h2 h2 </dev/null >/dev/null || return 1
  is "$(cat "/proc/$(his_pid h2)/cgroup")" "0::$user_manager/user.slice/tare-oci-h2.scope" && his delete -f h2 && [ ! -e "$(his_scope h2)" ]
}
# Without systemd there is nothing he may make beside his session.
his_without() {
  his_bundle h3 '"pids": { "limit": 30 }'
  refused he tare-oci create -b /home/user/h3 h3 && grep -q 'limits need a cgroup' /tmp/refused && is "$(ls $user_run/tare-oci)" ''
}

check "the manager of a user without rights" his_manager
check "his scope, from his session" his_scope_is_made
check "exec in his scope" his_exec
check "pause in his scope" his_pause
check "update of his scope" his_update
check "kill and delete of his scope" his_delete
check "his scope, with ids of /etc/subuid" his_range
check "his scope, from below his manager" his_below
check "without systemd he has no limits" his_without
