# The runtime's part of the suite: unit tests, then the files of tests/integration. Two run at a time, for the guest has two
# processors; each tells its results when it is done.
# shellcheck shell=sh
[ -d /suite ] || return 0

export TARE_BUILD=/suite/build TARE_BIN=/suite/build/bin TARE_TESTS=/suite/tests TARE_SANITIZED=
results=/tmp/suite
mkdir -p $results

# run_file FILE: its TAP, exit code and seconds to $results
run_file() {
  at=$results/${1##*/}
  begun=$(date +%s)
  case $1 in
  *.bats) timeout 300 bats --tap "$1" >"$at.tap" 2>"$at.err" </dev/null ;;
  *) CMOCKA_MESSAGE_OUTPUT=TAP timeout 120 "$1" >"$at.tap" 2>"$at.err" </dev/null ;;
  esac
  echo $? $(($(date +%s) - begun)) >"$at.code"
}
tell_file() { # FILE
  at=$results/${1##*/}
  read -r code seconds <"$at.code"
  [ "$code" -eq 0 ] || tail -20 "$at.err" | sed 's/^/# /' >>"$at.tap"
  relay "${1##*/}" "$code" "$seconds" "$at.tap"
}

for f in ${SUITE:-/suite/build/tests/unit/* /suite/tests/integration/oci*.bats /suite/tests/integration/seccomp.bats}; do
  run_file "$f"
  tell_file "$f"
done
