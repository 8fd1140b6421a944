# tare of an ordinary user to whom his systemd delegates a cgroup (user@UID.service: cpu, memory, pids): what takes a cgroup, from a session of his,
# which is no part of that.
# shellcheck shell=sh disable=SC2034
tu_manager=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
tu_scope=$tu_manager/app.slice/tare.scope
tu_session=/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope
unset DBUS_SESSION_BUS_ADDRESS
same() { [ "$1" = "$2" ] || fail "\"$1\" is not \"$2\""; }
tu() { # as the user, in his session
  # shellcheck disable=SC2016
  sh -c 'echo $$ >"$0/cgroup.procs" && exec timeout 120 /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/user USER=user \
    XDG_RUNTIME_DIR=/run/user/1000 "$@"' $tu_session "$@"
}
tu_id() { tu tare inspect "$1" | jq -r '.[0].Id'; }
tu_pid() { tu tare inspect "$1" | jq -r '.[0].State.Pid'; }
tu_cg() { echo "$tu_scope/$(tu_id "$1")"; }

tu_begins() {
  mkdir -p /home/user && chown 1000:1000 /home/user || return 1
  systemctl stop his session-1.scope 2>/dev/null
  rm -rf /run/user/1000
  systemctl start user@1000.service || fail "$(systemctl status user@1000.service)" || return 1
  systemd-run -q --scope --unit session-2.scope --slice user-1000.slice sleep 3600 &
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e $tu_session ] && [ -S /run/user/1000/bus ] && break; sleep 0.5; done
  cat $tu_manager/cgroup.controllers
  [ -S /run/user/1000/bus ] && [ -e $tu_session ] && tu tare load -q -i /tests/busybox.tar
}
tu_limits() {
  tu tare run -d --name l1 --network none -m 64m --memory-swap 64m --cpus 0.5 --pids-limit 30 busybox sleep 1000 || return 1
  cg=$(tu_cg l1)
  same "$(cat "$cg/memory.max" "$cg/pids.max" "$cg/cpu.max" | xargs)" "67108864 30 50000 100000" && same "$(cat "$cg/cgroup.procs")" "$(tu_pid l1)" &&
    same "$(cat $tu_scope/cgroup.procs)" "" && same "$(wc -l <$tu_scope/monitor/cgroup.procs)" 2 &&
    same "$(stat -c %u "$cg")" 1000 && same "$(tu tare run --rm --network none busybox cat /proc/self/cgroup /sys/fs/cgroup/pids.max | xargs)" "0::/ 4096"
}
tu_execs() { tu tare exec -d l1 sleep 77 && sleep 1 && same "$(wc -l <"$(tu_cg l1)/cgroup.procs")" 2 && tu tare top l1 | grep 'sleep 77'; }
tu_pauses() {
  tu tare pause l1 && grep -x 'frozen 1' "$(tu_cg l1)/cgroup.events" && tu tare ps | grep Paused && tu tare unpause l1 && grep -x 'frozen 0' "$(tu_cg l1)/cgroup.events"
}
tu_updates() {
  tu tare update -m 80m --memory-swap 80m --pids-limit 40 --cpus 1 l1 && cg=$(tu_cg l1) &&
    same "$(cat "$cg/memory.max" "$cg/pids.max" "$cg/cpu.max" | xargs)" "83886080 40 100000 100000"
}
tu_stats() {
  said=$(tu tare stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' l1)
  echo "$said" | grep -E '/ 80MiB 2$' || fail "$said"
}
tu_oom() {
  tu tare run --name hog --network none -m 16m --memory-swap 16m busybox tail /dev/zero
  same $? 137 && same "$(tu tare inspect hog | jq '.[0].State.OOMKilled')" true && tu tare rm hog
}
tu_others() { # what he has not been given
  ! tu tare run --rm --network none --cpuset-cpus 0 busybox true 2>/tmp/said || fail "went through" || return 1
  cat /tmp/said
  grep cpuset /tmp/said && ! tu tare run --rm --cgroup-parent /x busybox true
}
tu_restarts() { tu tare restart -t 0 l1 && cg=$(tu_cg l1) && same "$(cat "$cg/memory.max")" 83886080 && same "$(tu tare commit -q l1 kept:1 2>&1 | grep -c 'cannot be paused')" 0; }
# The unit that starts his containers after the machine has, and stops them before it goes down.
tu_boots() {
  tu tare run -d --name always --network none --restart always --stop-timeout 1 --label kept busybox sleep 1000 && id=$(tu_id always) && tu tare stop always || return 1
  tu systemctl --user start tare-restart || fail "$(tu systemctl --user status tare-restart 2>&1)" || return 1
  same "$(tu tare ps -q --filter label=kept --filter status=running)" "$(echo "$id" | cut -c1-12)" && tu systemctl --user stop tare-restart &&
    same "$(tu tare inspect -f '{{.State.Status}}' always)" exited && tu tare rm always
}
tu_ends() {
  tu tare rm -f l1 || return 1
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e $tu_scope ] || return 0; sleep 0.5; done
  find $tu_scope -type d; cat $tu_scope/monitor/cgroup.procs; return 1
}
# A unit of his: its container stays in it, where alone systemd hears it.
tu_serves() {
  units=/home/user/.config/systemd/user
  mkdir -p $units
  for how in --cgroups=disabled --cgroups=enabled; do
    printf '[Service]\nType=notify\nNotifyAccess=all\nTimeoutStartSec=60\nExecStart=/usr/local/bin/tare run -d --rm --name unit %s --sdnotify=conmon --network none busybox sleep 1000\n' \
      $how >$units/unit${how#--cgroups=}.service
  done
  chown -R 1000:1000 /home/user
  tu systemctl --user daemon-reload && tu systemctl --user start unitdisabled || fail "$(tu systemctl --user status unitdisabled 2>&1)" || return 1
  same "$(tu systemctl --user is-active unitdisabled)" active && grep -q "^$(tu_pid unit)$" $tu_manager/app.slice/unitdisabled.service/cgroup.procs &&
    tu systemctl --user stop unitdisabled && same "$(tu tare ps -aq)" "$(tu_id l1 | cut -c1-12)" || return 1
  ! tu systemctl --user start unitenabled || fail "a unit that would never have heard of it" || return 1
  same "$(tu tare ps -aq)" "$(tu_id l1 | cut -c1-12)" && ! tu env NOTIFY_SOCKET=/run/x tare run --rm --network none busybox true 2>/tmp/said && grep -- --cgroups=disabled /tmp/said
}
# Nobody who delegates: as on a machine without systemd.
tu_without() {
  ! tu env -u XDG_RUNTIME_DIR tare run --rm --network none -m 64m busybox true 2>/tmp/said || fail "went through" || return 1
  grep -- '--memory needs a cgroup, and containers of an ordinary user have none here' /tmp/said && [ ! -e $tu_scope ]
}

check "a user's manager, and a session" tu_begins
check "tare of a user: limits, in a scope of his manager's" tu_limits
check "tare of a user: exec is in the container's cgroup" tu_execs
check "tare of a user: pause" tu_pauses
check "tare of a user: update" tu_updates
check "tare of a user: stats" tu_stats
check "tare of a user: memory runs out" tu_oom
check "tare of a user: what is not delegated" tu_others
check "tare of a user: restart, commit" tu_restarts
check "tare of a user: a unit of his" tu_serves
check "tare of a user: tare-restart" tu_boots
check "tare of a user: the scope goes with the last" tu_ends
check "tare of a user: without a bus" tu_without
