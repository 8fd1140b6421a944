# The same bundle through tare-oci, runc and crun: what tests/lib/what-is-seen says in there must be the same.
#
#   load ../lib/common; load ../lib/bundle; load ../lib/differential
#   setup_file()    { differential_setup_file; }
#   teardown_file() { differential_teardown_file; }
#   same JQ_FILTER [JQ_OPTION...]  what a container made by each runtime sees
#   sleepers JQ_FILTER...          a container that sleeps under each runtime, and then, as often as wanted:
#   same_exec ARGS...              what `RUNTIME exec ARGS... ID` sees in there
#   same_settings JQ_FILTER...     the files of a sleeper's cgroups
# VIA=in_terminal before same and same_exec gives them a terminal.
#
# WANTED is the table of differences that are meant: one a line,
#   PEER;SIDE;REGULAR EXPRESSION;REASON
# where PEER is runc, crun or both, and SIDE is "tare" for a line that only tare-oci's container says, "peer" for one that only the peer's says. A row that
# no test of the file came upon fails the file, unless its reason begins with "sometimes: ": a reason must not outlive its
# difference.
# shellcheck shell=bash disable=SC2153

PROBE_APPLETS="$OCI_APPLETS find ionice unshare chroot dmesg chrt nice linux32 linux64 swapoff rmdir mknod ping chown setpriv"

differential_setup_file() {
  bundle_setup_file
  export CRUN_ROOT=$BATS_FILE_TMPDIR/crun WANTED_SEEN=$BATS_FILE_TMPDIR/wanted
  HOST_NAMESPACES=$(for n in /proc/self/ns/*; do readlink "$n"; done | tr '\n' ' ')
  export HOST_NAMESPACES
  for a in $PROBE_APPLETS; do ln -sf busybox "$OCI_ROOTFS/bin/$a"; done
  cp "$BATS_TEST_DIRNAME/../lib/what-is-seen" "$OCI_ROOTFS/what-is-seen"
  : >"$WANTED_SEEN"
  # runc reaches the root file system as the container's root, who may be nobody here
  chmod a+x "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR/.." "$BATS_FILE_TMPDIR"
}

differential_teardown() {
  local d
  bundle_teardown
  for d in "$CRUN_ROOT"/*/; do [ ! -d "$d" ] || as_peer crun delete -f "$(basename "$d")" 2>/dev/null || true; done
}

# as_peer NAME ARGS...: one of the runtimes with this file's state folder. crun refuses the hybrid set-up, so it does not
# get to see the v2 hierarchy there.
as_peer() {
  local who=$1
  shift
  case $who in
  tare) oci "$@" ;;
  runc) runc --root "$RUNC_ROOT" "$@" ;;
  crun)
    if [ -d /sys/fs/cgroup/unified ]; then
      # shellcheck disable=SC2016
      unshare -m sh -c 'umount /sys/fs/cgroup/unified && exec crun --root "$0" "$@"' "$CRUN_ROOT" "$@"
    else
      crun --root "$CRUN_ROOT" "$@"
    fi
    ;;
  esac
}

# The text that this run's folders, names and numbers leave in what is seen.
neutral() { # WHO
  sed "s|$BATS_FILE_TMPDIR|TMP|g; s|$OCI_CGROUP-$1|CGROUP|g; s|same-$1|ID|g"
}

# differing PEER: the lines that the peer's container and ours do not share, without those that are meant.
differing() {
  local line side peer where pattern reason meant
  diff "$BATS_TEST_TMPDIR/$1.seen" "$BATS_TEST_TMPDIR/tare.seen" | sed -n 's/^< /peer /p; s/^> /tare /p' |
    while IFS= read -r line; do
      side=${line%% *} meant=
      while IFS=';' read -r peer where pattern reason; do
        [[ -n "$reason" && ("$peer" = "$1" || "$peer" = both) && ("$where" = "$side" || "$where" = both) ]] || continue
        [[ "${line#* }" =~ ^$pattern$ ]] || continue
        meant=1
        echo "$peer;$where;$pattern" >>"$WANTED_SEEN"
      done <<<"$WANTED"
      [ -n "$meant" ] || echo "$1: only in $side's container: ${line#* }"
    done
}

# The rows of WANTED that no test needed.
needless_rows() {
  local row
  grep -v -e '^$' -e ';sometimes: ' <<<"$WANTED" | while IFS= read -r row; do
    grep -qxF -- "${row%;*}" "$WANTED_SEEN" || echo "needless: $row"
  done
}

# peers: who can be asked on this machine.
peers() {
  local p
  for p in runc crun; do ! command -v $p >/dev/null || echo $p; done
}

same_bundle() { # WHO JQ_FILTER [JQ_OPTION...]
  local dir=$BATS_TEST_TMPDIR/$1
  bundle "$dir" ".ociVersion = \"1.0.0\" | .linux.cgroupsPath = \"$OCI_CGROUP-$1\""
  jq "${@:3}" "$2" "$dir/config.json" >"$dir/config.new"
  mv "$dir/config.new" "$dir/config.json"
}

compare_seen() {
  local p left
  for p in $(peers); do
    left=$(differing "$p")
    [ -z "$left" ] || { echo "$left"; return 1; }
  done
}

# What a command printed is what it saw, if it came out well. The pipe makes stdout one of a kind for all.
seen_by() { # WHO COMMAND...
  local raw=$BATS_TEST_TMPDIR/$1.raw
  # no /dev/null: the peers give a standard input to the container's user, and that one is the machine's
  : | "${@:2}" 2>&1 | cat >"$raw"
  [ "${PIPESTATUS[1]}" -eq 0 ] || { echo "$1: exit code ${PIPESTATUS[1]}"; cat "$raw"; return 1; }
  tr -d '\r\0' <"$raw" | sed 's/^\^@//' | neutral "$1" >"$BATS_TEST_TMPDIR/$1.seen"
}

# With a terminal around it, and so with one for the container.
in_terminal() {
  export -f as_peer oci
  SHELL=/bin/bash script -qec "$(printf '%q ' "$@")" /dev/null
}

same() { # JQ_FILTER [JQ_OPTION...]
  local who
  for who in tare $(peers); do
    same_bundle "$who" ".process.args = [\"/what-is-seen\", \"$HOST_NAMESPACES\"] | ${1:-.}" "${@:2}"
    seen_by "$who" ${VIA:-} as_peer "$who" run -b "$BATS_TEST_TMPDIR/$who" "same-$who" || return 1
  done
  compare_seen
}

# A container that sleeps under each runtime.
sleepers() { # JQ_FILTER [JQ_OPTION...]
  local who
  for who in tare $(peers); do
    same_bundle "$who" ".process.args = [\"sleep\", \"1000\"] | ${1:-.}" "${@:2}"
    as_peer "$who" run -d -b "$BATS_TEST_TMPDIR/$who" "same-$who" < <(:) >"$BATS_TEST_TMPDIR/$who.log" 2>&1 3>&- ||
      { echo "$who: exit code $?"; cat "$BATS_TEST_TMPDIR/$who.log"; return 1; }
  done
}

same_exec() { # ARGS...
  local who
  for who in tare $(peers); do
    seen_by "$who" ${VIA:-} as_peer "$who" exec "$@" "same-$who" /what-is-seen "$HOST_NAMESPACES" || return 1
  done
  compare_seen
}

# Every setting of a sleeper's cgroups, v1 or v2; what only counts is left out.
settings() { # CGROUP
  local f
  find /sys/fs/cgroup -path "*$1/*" -maxdepth 6 -type f -perm -u=w,u=r | sort | while read -r f; do
    case ${f##*/} in
    cgroup.* | freezer.state | tasks | notify_on_release | memory.reclaim | *stat* | *usage* | *io_service* | *pressure* | *failcnt* | \
      *force_empty* | *reset* | *.peak | *.events* | *.current | *watermark* | *slabinfo*) continue ;;
    esac
    echo "setting: $(basename "$(dirname "${f%"$1"/*}/x")")/${f##*/} = $(sort "$f" 2>&1 | tr '\n' ' ')"
  done
}

same_settings() { # JQ_FILTER [JQ_OPTION...]
  local who
  sleepers "$@" || return 1
  for who in tare $(peers); do settings "$OCI_CGROUP-$who" | neutral "$who" >"$BATS_TEST_TMPDIR/$who.seen"; done
  grep -q '^setting: ' "$BATS_TEST_TMPDIR/tare.seen"
  compare_seen
}

# The names of all capabilities that we may give, as JSON.
capability_names() {
  capsh --decode="$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)" | sed 's/.*=//' |
    jq -R 'split(",") | map(ascii_upcase)'
}
