# The runtime's part of the suite. Two workers take its files in turn, for the guest has two
# processors, the longest first; one of them begins with the unit tests, which are not made to run at the same time.
# shellcheck shell=sh
[ -d /suite ] || return 0

export TMPDIR=/var/tmp # on the disk: /tmp is a tmpfs, which on 6.1 has no id maps and no O_DIRECT
export TARE_BUILD=/suite/build TARE_BIN=/suite/build/bin TARE_TESTS=/suite/tests TARE_SANITIZED=
results=/run/suite
mkdir -p $results

# run_file FILE: its TAP, exit code and seconds to $results
run_file() {
  at=$results/${1##*/}
  begun=$(date +%s)
  case $1 in
  */oci-kill.bats) timeout 1500 bats --tap -f "$kills" "$1" >"$at.tap" 2>"$at.err" </dev/null ;;
  */network*.bats) timeout 1500 /suite/tests/lib/own-net bats --tap "$1" >"$at.tap" 2>"$at.err" </dev/null ;;
  *.bats) timeout 1500 bats --tap "$1" >"$at.tap" 2>"$at.err" </dev/null ;;
  *) CMOCKA_MESSAGE_OUTPUT=TAP timeout 300 "$1" >"$at.tap" 2>"$at.err" </dev/null ;;
  esac
  echo $? $(($(date +%s) - begun)) >"$at.new"
  mv "$at.new" "$at.code"
}
worker() {
  for f in $files; do
    mkdir "$results/${f##*/}.taken" 2>/dev/null || continue
    run_file "$f"
  done
}
tell_file() { # FILE
  at=$results/${1##*/}
  until [ -e "$at.code" ]; do sleep 1; done
  read -r code seconds <"$at.code"
  [ "$code" -eq 0 ] || tail -20 "$at.err" | sed 's/^/# /' >>"$at.tap"
  relay "${1##*/}" "$code" "$seconds" "$at.tap"
}

kills='user namespace' # of fault/oci-kill's, which stop at each step
[ -z "${LONG:-}" ] || kills=.
units=$(echo /suite/build/tests/unit/*)
export KILL_SHARE=40 # of fault/oci-kill's stops
files="/suite/tests/fault/oci-kill.bats $(ls -S /suite/tests/integration/*.bats)"
# the longest of what has little to do with cgroups or the kernel's age; 45-live.sh asks for the mounts that come later
[ -n "${LONG:-}" ] || files=$(echo "$files" | tr ' ' '\n' | grep -vE '/oci-(mounts-live|rootfs|process)\.bats$')
[ -z "${SUITE:-}" ] || units='' files=$(for f in $(echo "$SUITE" | tr , ' '); do echo /suite/tests/*/"$f.bats"; done)
{
  for f in $units; do run_file "$f"; done
  worker
} &
worker &
for f in $units $files; do tell_file "$f"; done
wait
