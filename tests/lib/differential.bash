# The same bundle through tare-oci, runc and crun: what tests/lib/what-is-seen says in there must be the same.
#
#   load ../lib/common; load ../lib/bundle; load ../lib/differential
#   setup_file()    { differential_setup_file; }
#   teardown_file() { differential_teardown_file; }
#   same JQ_FILTER [JQ_OPTION...]  what a container made by each runtime sees
#   same_exec JQ_FILTER ARGS...    what `RUNTIME exec ARGS... ID` sees in a container
#
# WANTED is the table of differences that are meant: one a line,
#   PEER;SIDE;REGULAR EXPRESSION;REASON
# where PEER is runc, crun or both, and SIDE is "tare" for a line that only tare-oci's container says, "peer" for one that only the peer's says. A row that
# no test of the file came upon fails the file: a reason must not outlive its difference.
# shellcheck shell=bash

PROBE_APPLETS="$OCI_APPLETS find ionice cmp"

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
  grep -v '^$' <<<"$WANTED" | while IFS= read -r row; do
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

same() { # JQ_FILTER [JQ_OPTION...]
  local who
  for who in tare $(peers); do
    same_bundle "$who" ".process.args = [\"/what-is-seen\", \"$HOST_NAMESPACES\"] | ${1:-.}" "${@:2}"
    as_peer "$who" run -b "$BATS_TEST_TMPDIR/$who" "same-$who" </dev/null 2>&1 | cat >"$BATS_TEST_TMPDIR/$who.raw"
    [ "${PIPESTATUS[0]}" -eq 0 ] || { echo "$who: exit code ${PIPESTATUS[0]}"; cat "$BATS_TEST_TMPDIR/$who.raw"; return 1; }
    neutral "$who" <"$BATS_TEST_TMPDIR/$who.raw" >"$BATS_TEST_TMPDIR/$who.seen"
  done
  compare_seen
}

# The names of all capabilities that we may give, as JSON.
capability_names() {
  capsh --decode="$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)" | sed 's/.*=//' |
    jq -R 'split(",") | map(ascii_upcase)'
}
