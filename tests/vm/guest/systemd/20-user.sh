# Units of a user's manager: a "systemd --user" in a delegated cgroup, found by its own bus. Its user is root here, for
# the guest has no other; what is tested is the bus, the manager, and the place in the tree.
# shellcheck shell=sh
unset DBUS_SESSION_BUS_ADDRESS
export XDG_RUNTIME_DIR=/run/user/0
manager_cgroup=/system.slice/manager.service
user() { oci --rootless true --cgroup-manager systemd "$@"; }

starts_manager() {
  mkdir -p $XDG_RUNTIME_DIR && chmod 0700 $XDG_RUNTIME_DIR || return 1
  systemd-run -q --unit manager -p Type=notify -p Delegate=yes -p "Environment=XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" \
    /usr/lib/systemd/systemd --user --unit=sockets.target || fail "$(systemctl status manager)" || return 1
  [ -S $XDG_RUNTIME_DIR/bus ]
}
creates_user_scope() {
  bundle u1 '"resources": { "memory": { "limit": 67108864 }, "pids": { "limit": 30 } }' ''
  user create -b /root/u1 u1 </dev/null && oci start u1 || return 1
  pid=$(oci state u1 | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
  cat "/proc/$pid/cgroup"
  grep -qx "0::$manager_cgroup/user.slice/tare-oci-u1.scope" "/proc/$pid/cgroup" &&
    is "$(cat /sys/fs/cgroup$manager_cgroup/user.slice/tare-oci-u1.scope/memory.max)" 67108864 &&
    is "$(systemctl --user show -P TasksMax tare-oci-u1.scope)" 30 && is "$(shown tare-oci-u1.scope LoadState)" not-found
}
deletes_user_scope() {
  is "$(oci exec u1 cat /proc/self/cgroup)" 0::/ && oci delete -f u1 &&
    [ ! -e /sys/fs/cgroup$manager_cgroup/user.slice/tare-oci-u1.scope ] &&
    is "$(systemctl --user show -P LoadState tare-oci-u1.scope)" not-found
}
no_user_bus() {
  XDG_RUNTIME_DIR='' refused user create -b /root/u1 u2 && grep -q 'no user bus' /tmp/refused
}

check "a user's manager" starts_manager
check "a user's scope" creates_user_scope
check "exec in it, and delete" deletes_user_scope
check "without a user bus the error says so" no_user_bus
