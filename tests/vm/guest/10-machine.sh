# What the lane is for: Debian 12's kernel, and no cgroup v1.
# shellcheck shell=sh
is_debian_kernel() { uname -r | grep -q '^6\.1\..*-cloud-amd64$' || fail "this is $(uname -r)"; }
is_pure_v2() {
  ! grep -q ' - cgroup ' /proc/self/mountinfo || return 1
  for c in cpuset cpu io memory hugetlb pids; do grep -qw $c /sys/fs/cgroup/cgroup.controllers || fail "no $c" || return 1; done
}

check "Debian's 6.1 kernel" is_debian_kernel
check "pure cgroup v2" is_pure_v2
