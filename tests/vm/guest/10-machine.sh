# What the lane is for: Debian 12's kernel, and no cgroup v1.
# shellcheck shell=sh
is_debian_kernel() { uname -r | grep -q '^6\.1\..*-cloud-amd64$' || fail "this is $(uname -r)"; }
is_pure_v2() {
  ! grep -q ' - cgroup ' /proc/self/mountinfo && grep -qw memory /sys/fs/cgroup/cgroup.controllers &&
    grep -qw cpu /sys/fs/cgroup/cgroup.controllers
}
run_unit() { CMOCKA_MESSAGE_OUTPUT=STDOUT "/tests/unit/$1" 2>&1; }

check "Debian's 6.1 kernel" is_debian_kernel
check "pure cgroup v2" is_pure_v2
for u in /tests/unit/*; do
  check "unit ${u##*/}" run_unit "${u##*/}"
done
