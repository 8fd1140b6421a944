# Networks of CNI: a folder of configurations and one of plugins of the file's own, in front of Debian's.
#
#   setup_file()  { tare_setup_file; load_busybox; world_up; cni_up; }
#   conflist FILE NAME [VERSION] <<<PLUGINS   a list; PLUGINS: JSON objects with commas between
#   fakes                                     what the fake plugins were asked, one line each: COMMAND PLUGIN
#   told COMMAND PLUGIN                       what one was told last, as JSON
#   did COMMAND PLUGIN VARIABLE               a variable of its environment then
#
# A fake plugin (fake-a, fake-b, fake-c) obeys members of its configuration: "on" (a command) and "do" (what happens then).
# shellcheck shell=bash

CNI_FAKES="fake-a fake-b fake-c"

cni_up() {
  export TARE_CNI_CONF_DIR=$BATS_FILE_TMPDIR/net.d TARE_CNI_CACHE_DIR=$BATS_FILE_TMPDIR/cni-cache FAKES=$BATS_FILE_TMPDIR/fakes
  export TARE_CNI_BIN_DIR=$BATS_FILE_TMPDIR/plugins:/usr/lib/cni
  mkdir -p "$TARE_CNI_CONF_DIR" "$FAKES" "$BATS_FILE_TMPDIR/plugins"
  local f
  for f in $CNI_FAKES; do
    sed "s|@FAKES@|$FAKES|" "$BATS_TEST_DIRNAME/../lib/fake-cni" >"$BATS_FILE_TMPDIR/plugins/$f"
    chmod +x "$BATS_FILE_TMPDIR/plugins/$f"
  done
}

conflist() { # FILE NAME [VERSION]
  jq -n --arg name "$2" --arg v "${3:-1.0.0}" --argjson p "[$(cat)]" '{cniVersion: $v, name: $name, plugins: $p}' >"$TARE_CNI_CONF_DIR/$1"
}

host_local() { # SUBNET
  echo "\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"$BATS_FILE_TMPDIR/ipam\",\"ranges\":[[{\"subnet\":\"$1\"}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}"
}

fakes() { cat "$FAKES/asked" 2>/dev/null || true; }
told() { cat "$FAKES/$1.$2.json"; }
did() { sed -n "s/^$3=//p" "$FAKES/$1.$2.env"; }
forget_fakes() { rm -f "$FAKES"/*; }

rows() { sqlite3 -cmd '.timeout 5000' "$TARE_ROOT/catalog.db" "$1"; }
cni_rows() { rows 'SELECT network, ifname, version FROM cni ORDER BY 1'; }
cached() { ls "$TARE_CNI_CACHE_DIR/results" 2>/dev/null; }
netns_mounts() { awk -v d="$TARE_STATE" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo; }

# Of what containers had in networks of CNI nothing is left.
nothing_left() {
  local left
  left=$(cni_rows; cached; netns_mounts; find "$BATS_FILE_TMPDIR/ipam" -name '[0-9]*.[0-9]*.*' 2>/dev/null; find "$TARE_STATE" -name 'cni-*.lock'
    iptables-save 2>/dev/null | grep -E 'CNI-(DN-)?[0-9a-f]{10}'; pgrep -f "$BATS_FILE_TMPDIR/plugins/fake" || true)
  [ -z "$left" ] || { echo "left: $left"; return 1; }
}
