# Containers as services of systemd's: Type=notify, sockets, --cgroups=split, each KillMode; and the journal's fields.
# shellcheck shell=sh disable=SC2016
tare() { timeout 120 /usr/local/bin/tare "$@"; }
units=/run/systemd/system
perl="-v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro busybox /usr/bin/perl /usr/share/say"
state_of() { tare inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$1"; }
pid_of() { tare inspect -f '{{.State.Pid}}' "$1"; }
cgroup_of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
is() { [ "$1" = "$2" ] || fail "\"$1\" is not \"$2\""; }
within() { # SECONDS COMMAND...
  end=$(($(date +%s) + $1)); shift
  while ! "$@"; do [ "$(date +%s)" -lt $end ] || return 1; sleep 0.3; done
}

# says MESSAGE... after a second: what the container's program does; ends with 7 on SIGTERM
cat >/usr/share/say <<'Y'
use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); $SIG{TERM} = sub { exit 7 };
connect(S, sockaddr_un($ENV{NOTIFY_SOCKET})) or die "$ENV{NOTIFY_SOCKET}: $!" if @ARGV;
sleep 1; for (@ARGV) { s/\\n/\n/g; send(S, $_, 0) } sleep 1000 while 1;
Y

# unit NAME LINE...: lines of its [Service]
unit() {
  to=$units/$1.service; shift
  { echo '[Unit]'; echo 'CollectMode=inactive'; echo '[Service]'; for line in "$@"; do echo "$line"; done; } >"$to" && systemctl daemon-reload
}
shown() { systemctl show -P "$2" "$1"; }
up() { timeout 120 systemctl start "$1" || { systemctl status "$1"; journalctl -q -n 30; return 1; }; }
down() { timeout 120 systemctl stop "$1" || { systemctl status "$1"; return 1; }; }
ended() { [ "$(state_of "$1")" = "$2" ] || fail "$(state_of "$1") is not $2"; }
# nobody of the container, nor of its monitor
none_left() {
  # shellcheck disable=SC2009
  ! ps -o pid,args | grep -E '[/]usr/share/say|[t]are-monitor|[t]are run' >/tmp/left || fail "still there: $(cat /tmp/left)" >/tmp/still
}

journal_runs() {
  systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service && tare load -q -i /tests/busybox.tar
}
ready_by_the_container() {
  unit one Type=notify "ExecStart=/usr/local/bin/tare run -d --name one $perl 'STATUS=warm\\\\nMAINPID=1\\\\nREADY=1' STATUS=late"
  up one || return 1
  late() { [ "$(shown one StatusText)" = late ]; }
  within 20 late || fail "$(shown one StatusText)" || return 1
  main=$(shown one MainPID)
  is "$(cat "/proc/$main/comm")" tare-monitor && is "$(awk '$1 == "PPid:" { print $2 }' "/proc/$main/status")" 1 && is "$(shown one ActiveState)" active
}
stops_with_the_code() {
  down one && is "$(shown one ActiveState)" failed && is "$(shown one Result)" exit-code && is "$(shown one ExecMainStatus)" 7 &&
    ended one "exited 7" && none_left && tare rm one && systemctl reset-failed one
}
not_ready_in_time() {
  unit slow Type=notify TimeoutStartSec=30 "ExecStart=/usr/local/bin/tare run -d --name slow $perl STATUS=never"
  ! systemctl start slow || return 1
  within 30 none_left && is "$(shown slow Result)" timeout && tare rm slow && systemctl reset-failed slow
}
given_up() {
  unit soon Type=notify "ExecStart=/usr/local/bin/tare run -d --name soon $perl READY=1"
  for s in 1 3 6; do
    systemctl start --no-block soon && sleep $s && systemctl stop soon && within 30 none_left || return 1
    tare rm soon 2>/dev/null
    systemctl reset-failed soon 2>/dev/null
  done
  true
}
# a stop signal of its own, in the foreground, and with systemd restarting it
restarts() {
  unit again Type=notify SuccessExitStatus=7 'ExecStartPre=-/usr/local/bin/tare rm -f again' Restart=on-failure RestartSec=100ms \
    "ExecStart=/usr/local/bin/tare run --name again --stop-signal TERM $perl READY=1"
  up again || return 1
  first=$(pid_of again)
  timeout 60 systemctl restart again && [ "$(pid_of again)" != "$first" ] && is "$(shown again ActiveState)" active || return 1
  first=$(pid_of again)
  kill -KILL "$first"
  newer() { [ "$(shown again ActiveState)" = active ] && p=$(pid_of again) && [ "$p" -gt 1 ] && [ "$p" != "$first" ]; }
  within 30 newer || fail "$(systemctl status again)" || return 1
  down again && is "$(shown again ActiveState)" inactive && ended again "exited 7" && none_left && tare rm again
}
killed_after_its_timeout() {
  unit deaf Type=notify "ExecStart=/usr/local/bin/tare run -d --sdnotify=conmon --name deaf --stop-timeout 1 busybox sh -c 'trap \"\" TERM; while :; do sleep 1; done'"
  up deaf && down deaf && is "$(shown deaf ExecMainStatus)" 137 && ended deaf "exited 137" && none_left && tare rm deaf && systemctl reset-failed deaf
}
healthy() {
  unit sane Type=notify "ExecStart=/usr/local/bin/tare run -d --sdnotify=healthy --health-cmd 'test -e /ok' --health-interval 300ms --name sane $perl"
  timeout 60 systemctl start --no-block sane
  sleep 3
  is "$(shown sane ActiveState)" activating && tare exec sane touch /ok || return 1
  active() { [ "$(shown sane ActiveState)" = active ]; }
  within 20 active && down sane && ended sane "exited 7" && tare rm sane && systemctl reset-failed sane
}
watchdog() {
  unit dog Type=notify WatchdogSec=3 'ExecStopPost=-/usr/local/bin/tare inspect -f {{.State.ExitCode}} dog' \
    "ExecStart=/usr/local/bin/tare run -d --name dog $perl READY=1 WATCHDOG=1"
  up dog || return 1
  bitten() { [ "$(shown dog ActiveState)" = failed ]; }
  within 40 bitten && is "$(shown dog Result)" watchdog && ended dog "exited 7" && within 20 none_left && tare rm dog && systemctl reset-failed dog
}
split() {
  unit split Type=notify Delegate=yes MemoryMax=200M \
    "ExecStart=/usr/local/bin/tare run -d --name split --cgroups=split -m 30m --pids-limit 50 $perl READY=1"
  up split || return 1
  id=$(tare inspect -f '{{.Id}}' split)
  at=/system.slice/split.service
  is "$(cgroup_of "$(pid_of split)")" "$at/$id" && is "$(cgroup_of "$(shown split MainPID)")" "$at/monitor" &&
    is "$(cat "/sys/fs/cgroup$at/$id/memory.max" "/sys/fs/cgroup$at/$id/pids.max" "/sys/fs/cgroup$at/memory.max" | xargs)" "31457280 50 209715200" &&
    is "$(cat "/sys/fs/cgroup$at/cgroup.procs")" "" || return 1
  tare exec split true && tare pause split && tare unpause split && tare update -m 40m split && is "$(cat "/sys/fs/cgroup$at/$id/memory.max")" 41943040 || return 1
  is "$(tare exec split cat /proc/self/cgroup)" 0::/ || return 1
  # nothing of ours above what was delegated
  grep -q hugetlb /sys/fs/cgroup/system.slice/cgroup.subtree_control && fail "hugetlb enabled in system.slice" && return 1
  systemctl daemon-reload && is "$(cat "/sys/fs/cgroup$at/$id/memory.max")" 41943040 || return 1
  down split && ended split "exited 7" && none_left && [ ! -e "/sys/fs/cgroup$at" ] && systemctl reset-failed split
}
# the same container by start: its cgroup is the unit's where it is started
split_started() {
  unit other Type=notify Delegate=yes NotifyAccess=main 'ExecStart=/usr/local/bin/tare start -a split'
  up other || return 1
  id=$(tare inspect -f '{{.Id}}' split)
  is "$(cgroup_of "$(pid_of split)")" "/system.slice/other.service/$id" && is "$(tare stats --no-stream --format '{{.Name}}' split)" split || return 1
  down other && ended split "exited 7" && none_left && tare rm split && systemctl reset-failed other
}
not_delegated() {
  unit alone Type=notify "ExecStart=/usr/local/bin/tare run -d --name alone --cgroups=split $perl READY=1"
  ! systemctl start alone && journalctl -q -u alone | grep 'cgroup /system.slice/alone.service is not delegated to us: run tare in a unit' || return 1
  tare rm alone && systemctl reset-failed alone
}
kill_mode() { # MODE ARGS...
  mode=$1; shift
  unit mode Type=notify Delegate=yes KillMode="$mode" SuccessExitStatus=7 "ExecStart=/usr/local/bin/tare run $* --name mode $perl READY=1"
  [ "$mode" != none ] || { echo 'ExecStop=/usr/local/bin/tare stop mode' >>$units/mode.service && systemctl daemon-reload; }
  up mode && down mode && is "$(shown mode ActiveState)" inactive && ended mode "exited 7" && within 10 none_left && tare rm mode
}
sockets() {
  cat >/usr/share/answer <<'Y'
$| = 1; print "$ENV{LISTEN_FDS} $ENV{LISTEN_PID} $ENV{LISTEN_FDNAMES}\n";
open(my $s, "+<&=", 3) or die $!; while (accept(my $c, $s)) { print $c "hello from $$\n"; close $c }
Y
  printf '[Socket]\nListenStream=127.0.0.1:7001\nFileDescriptorName=web\n' >$units/act.socket
  unit act Type=notify "ExecStart=/usr/local/bin/tare run --network none --sdnotify=conmon --name act $(echo "$perl" | sed s/say/answer/)"
  ip link set lo up && systemctl start act.socket && is "$(shown act ActiveState)" inactive || return 1
  is "$(timeout 60 nc 127.0.0.1 7001 </dev/null)" "hello from 1" || fail "$(systemctl status act)" || return 1
  is "$(tare logs act)" "1 1 web" && is "$(timeout 60 nc 127.0.0.1 7001 </dev/null)" "hello from 1" && systemctl stop act.socket act && none_left && tare rm act
  systemctl reset-failed act 2>/dev/null
  true
}
fields() {
  tare run --name web -l a=1 --log-driver journald --log-opt labels=a --log-opt 'tag={{.Name}}-tag' busybox \
    sh -c 'echo out; echo err >&2; head -c 17000 /dev/zero | tr "\0" x; echo' >/dev/null 2>&1
  journalctl --sync
  id=$(tare inspect -f '{{.Id}}' web)
  entry() { journalctl -q -o json CONTAINER_NAME=web "$@"; }
  is "$(entry MESSAGE=out | jq -r '[.CONTAINER_ID_FULL, .CONTAINER_TAG, .SYSLOG_IDENTIFIER, .IMAGE_NAME, .PRIORITY, .A] | join(" ")')" \
    "$id web-tag web-tag busybox 6 1" && is "$(entry MESSAGE=err | jq -r .PRIORITY)" 3 &&
    is "$(journalctl -q -o cat CONTAINER_ID="$(echo "$id" | cut -c1-12)" PRIORITY=3)" err || return 1
  is "$(entry CONTAINER_PARTIAL_ORDINAL=1 | jq -r .CONTAINER_PARTIAL_LAST) $(entry CONTAINER_PARTIAL_ORDINAL=2 | jq -r .CONTAINER_PARTIAL_LAST)" "false true" || return 1
  is "$(entry CONTAINER_PARTIAL_ORDINAL=1 | jq -r .CONTAINER_PARTIAL_ID)" "$(entry CONTAINER_PARTIAL_ORDINAL=2 | jq -r .CONTAINER_PARTIAL_ID)" || return 1
  is "$(tare logs web 2>/dev/null | wc -c)" 17005 || return 1
  tare rename web www && tare start -a www >/dev/null 2>&1 && journalctl --sync
  is "$(journalctl -q -o cat CONTAINER_NAME=www MESSAGE=out)" out && is "$(tare logs www 2>/dev/null | grep -c out)" 2 && tare rm www
}
# By the clock, and at once: what nobody needs goes, by what /etc/default/tare-gc says.
collected() {
  tare create --name spent busybox true && id=$(tare ps -aq --no-trunc) && mkdir -p /etc/default && echo "TARE_GC_OPTIONS='--until 0s --containers'" >/etc/default/tare-gc || return 1
  systemctl start tare-gc.timer && systemctl list-timers tare-gc.timer | grep tare-gc.service || return 1
  up tare-gc.service && is "$(tare ps -aq)" "" && is "$(shown tare-gc.service Result)" success && journalctl --sync && journalctl -q -o cat -u tare-gc | grep "$id"
  [ $? = 0 ] || { journalctl -q -n 20 -u tare-gc; return 1; }
  systemctl stop tare-gc.timer && rm /etc/default/tare-gc
}

check "journald runs" journal_runs
check "Type=notify: up when the container says so, the keeper is the main process" ready_by_the_container
check "systemctl stop is tare stop, and the container's exit code the unit's" stops_with_the_code
check "one that is never ready is ended" not_ready_in_time
check "restart, also by Restart=" restarts
check "its stop timeout" killed_after_its_timeout
check "ready when its health check succeeds" healthy
check "a watchdog that is not fed" watchdog
check "--cgroups=split" split
check "--cgroups=split, started in another unit" split_started
check "--cgroups=split without Delegate" not_delegated
# one that is given up while tare is at it: nobody may be left who is nobody's
check "given up at once" given_up
for mode in control-group mixed process; do
  check "KillMode=$mode" kill_mode $mode -d
  check "KillMode=$mode, split" kill_mode $mode -d --cgroups=split
done
check "KillMode=none and ExecStop" kill_mode none -d
check "KillMode=control-group, split, in the foreground" kill_mode control-group --cgroups=split
check "socket activation" sockets
check "the journal's fields" fields
check "tare-gc and its timer" collected
