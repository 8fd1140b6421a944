# The tests' web server (web.py says what it serves), on loopback in the tests' network namespace. Several may run: `W=other web_start`.
#
#   web_start [CERT KEY]; echo x >"$(web_dir)/www/x"; … "$(web)/f/x"; web_stop in teardown
# shellcheck shell=bash

WEB_LIB=$(realpath "${BASH_SOURCE[0]%/*}")

web_dir() { echo "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/web-${W:-main}"; }
web() { echo "${WEB_SCHEME:-http}://$(cat "$(web_dir)/ready")"; }
web_start() {
  local dir i=0
  dir=$(web_dir); mkdir -p "$dir/www"; rm -f "$dir/ready"
  /usr/bin/python3 "$WEB_LIB/web.py" "$dir" "$@" >"$dir/err" 2>&1 </dev/null 3>&- 4>&- &
  echo $! >"$dir/pid"
  until [ -e "$dir/ready" ] || [ $((++i)) -gt 200 ]; do sleep 0.05; done
  [ -e "$dir/ready" ] || { cat "$dir/err" >&2; return 1; }
}
web_stop() {
  local p
  for p in "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}"/web-*/pid; do
    [ -e "$p" ] || continue
    kill "$(cat "$p")" 2>/dev/null || true
    wait "$(cat "$p")" 2>/dev/null || true
    rm -f "$p"
  done
}
# web_count REGEX: how many answers ("METHOD PATH STATUS") there were that fit.
web_count() { grep -cE "$1" "$(web_dir)/log" || true; }
