# One boot of Debian's 6.1 cloud kernel with pure cgroup v2 (no KVM); each test here is a check of the guest's own
# tests in tests/vm/guest/.

setup_file() {
  local here=$BATS_TEST_DIRNAME
  export RESULT=$BATS_FILE_TMPDIR/result
  [ "$(id -u)" = 0 ] || skip "needs root to make the guest's disk"
  "$here/make-guest" "$TARE_BUILD" >"$BATS_FILE_TMPDIR/make.log" 2>&1 || { cat "$BATS_FILE_TMPDIR/make.log"; return 1; }
  "$here/run-guest" "$TARE_BUILD" >"$RESULT" || true
}

# The guest's check of this name passed; else what it printed.
in_guest() {
  if grep -qE "^ok [0-9]+ - $1\$" "$RESULT"; then return 0; fi
  sed -n "/^not ok [0-9]* - $1\$/,/^ok \|^not ok /p" "$RESULT"
  grep -qE "^not ok [0-9]+ - $1\$" "$RESULT" || { echo "the guest did not come to: $1"; tail -40 "$RESULT"; }
  return 1
}

@test "the guest runs Debian's 6.1 kernel" { in_guest "Debian's 6.1 kernel"; }
@test "the guest has pure cgroup v2" { in_guest "pure cgroup v2"; }
@test "sys/cgroup's unit tests pass on pure v2" { in_guest "unit test_sys_cgroup"; }

@test "every check in the guest passed" {
  ! grep -A 40 '^not ok' "$RESULT"
  grep -q '^# the guest is done' "$RESULT"
}
