# For the files of tests/vm: one boot of the guest, and its own checks by name.
#
#   setup_file() { boot_guest [KIND]; }      what tests/vm/run-guest takes
#   @test "…" { in_guest "NAME OF A CHECK"; }
# shellcheck shell=bash

boot_guest() {
  local here=$BATS_TEST_DIRNAME
  export RESULT=$BATS_FILE_TMPDIR/result
  [ "$(id -u)" = 0 ] || skip "needs root to make the guest's disk"
  "$here/make-guest" "$TARE_BUILD" >"$BATS_FILE_TMPDIR/make.log" 2>&1 || { cat "$BATS_FILE_TMPDIR/make.log"; return 1; }
  "$here/run-guest" "$TARE_BUILD" "$@" >"$RESULT" || true
}

# The guest's check of this name passed; else what it printed.
in_guest() {
  if grep -qE "^ok [0-9]+ - $1\$" "$RESULT"; then return 0; fi
  sed -n "/^not ok [0-9]* - $1\$/,/^ok \|^not ok /p" "$RESULT"
  grep -qE "^not ok [0-9]+ - $1\$" "$RESULT" || { echo "the guest did not come to: $1"; tail -40 "$RESULT"; }
  return 1
}
