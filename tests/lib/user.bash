# A user without rights, who is not of this machine: a number, with a name and ranges of ids in files that only his
# processes see (a mount namespace of their own).
#
#   user_setup       in setup_file, after bundle_setup_file: $U, his folder, with bin/, run/ (XDG_RUNTIME_DIR) and rootfs/
#   user CMD...      runs a command as him; in the background, "$U/as" CMD...
#   user_teardown    in teardown_file
# shellcheck shell=bash

user_setup() {
  # of this run alone: another may end at the same time, and look for what is left
  export U USER_ID=$((60000 + $$ % 4000)) USER_RANGE=$((1600000000 + $$ % 4000 * 65536))
  U=$(mktemp -d /tmp/tare-user.XXXXXX)
  mkdir -p "$U"/{bin,run,etc}
  # the machine's /etc, for programs that look things up there, but for what says who he is
  cp -a /etc/. "$U/etc/"
  sed -i "\$a user:x:$USER_ID:$USER_ID::$U:/bin/sh" "$U/etc/passwd"
  sed -i "\$a user:x:$USER_ID:" "$U/etc/group"
  echo "user:$USER_RANGE:65536" | tee "$U/etc/subuid" >"$U/etc/subgid"
  # the build's folder may be below one that he cannot enter
  cp "$TARE_BIN/tare-oci" "$U/bin/"
  mkdir "$U/rootfs"
  [ -z "${OCI_ROOTFS:-}" ] || cp -a "$OCI_ROOTFS/." "$U/rootfs/"
  cat >"$U/as" <<X
#!/bin/bash
exec unshare -m bash -c 'mount --bind "$U/etc" /etc; [ -z "\$HIDE_V2" ] || ! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
  exec setpriv --reuid $USER_ID --regid $USER_ID --clear-groups env HOME="$U" XDG_RUNTIME_DIR="$U/run" USER=user \
    PATH="$U/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "\$@"' as "\$@"
X
  chmod 755 "$U" "$U/as"
  chmod 700 "$U/run"
  chown -h -R $USER_ID:$USER_ID "$U/run" "$U/rootfs"
}

user() { "$U/as" "$@"; }

# Containers of his go, and his folder; nothing of his may be left.
user_containers() {
  local d
  for d in "$U"/run/tare-oci/*/; do [ ! -d "$d" ] || user tare-oci delete -f -- "$(basename "$d")" || true; done
  for d in "$U"/run/runc/*/; do [ ! -d "$d" ] || user runc delete -f "$(basename "$d")" || true; done
} 2>/dev/null

user_teardown() {
  local left i
  user_containers
  for i in 1 2 3 4 5 6 7 8; do
    # those of his that have no ids of their own yet, or others', are below them
    left=$(ps -eo uid=,pid=,args= | awk -v u=$USER_ID -v r=$USER_RANGE '$1 == u || ($1 >= r && $1 < r + 65536)')
    [ -n "$left" ] || break
    sleep "0.$i"
  done
  left+=$(find "$U/run/tare-oci" -mindepth 1 2>/dev/null)
  rm -rf "$U"
  [ -z "$left" ] || { echo "left of the user: $left" >&2; awk '{ print $2 }' <<<"$left" | xargs -r kill -9; return 1; }
}

# A bundle of his that runs `sh -c $OCI_COMMAND`, as `spec --rootless` has it but for what the filter says.
user_bundle() { # NAME [JQ FILTER]
  local d=$U/$1
  mkdir -p "$d"
  chown $USER_ID:$USER_ID "$d"
  rm -f "$d/config.json"
  user tare-oci spec --rootless -b "$d"
  jq --arg c "${OCI_COMMAND:-true}" --arg r "$U/rootfs" \
    '.process.terminal = false | .process.args = ["sh", "-c", $c] | .root.path = $r' "$d/config.json" | jq "${2:-.}" >"$d/config.tmp"
  mv "$d/config.tmp" "$d/config.json"
}

# Maps of what /etc/subuid has for him: root is he himself; or root is one of those, too. (A file is loaded before its
# setup, and again for each test.)
USER_WIDE=".linux.uidMappings = [{containerID: 0, hostID: ${USER_ID:-0}, size: 1}, {containerID: 1, hostID: ${USER_RANGE:-0}, size: 65536}] |
  .linux.gidMappings = .linux.uidMappings"
USER_OTHER=".linux.uidMappings = [{containerID: 0, hostID: ${USER_RANGE:-0}, size: 65536}] | .linux.gidMappings = .linux.uidMappings"
