# shellcheck shell=bash
# debian_unpacked PACKAGE…: a folder with the files of these packages of Debian, unpacked and not installed, once per build; it has the
# first one's name. They are fetched through the machine's own network. Fails where they cannot be.
debian_unpacked() {
  local to=$TARE_BUILD/cache/$1 p
  if [ ! -e "$to" ]; then
    mkdir -p "$to.$$"
    (cd "$to.$$" && nsenter --net="${TARE_OUTER_NET:-/proc/self/ns/net}" apt-get download -qq "$@") >"$to.log" 2>&1 &&
      (cd "$to.$$" && for p in *.deb; do dpkg-deb -x "$p" . || exit 1; done) && mv -T "$to.$$" "$to" 2>/dev/null
    rm -rf "$to.$$"
  fi
  [ -d "$to" ] && echo "$to"
}
