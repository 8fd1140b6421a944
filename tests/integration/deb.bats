#!/usr/bin/env bats
# The Debian package: what is in it, and what its installation does beside dockerd, without it, and on its way out.
load ../lib/common
load ../lib/images

setup_file() {
  tare_setup_file
  TREE=$(realpath "$BATS_TEST_DIRNAME/../..")
  export TREE D=$BATS_FILE_TMPDIR/debian
  DEB=$TREE/$("$TREE/tools/make-deb" "$TARE_BUILD")
  [ -e "$DEB" ] || DEB=$(echo "$TARE_BUILD"/deb/*.deb)
  export DEB
  mkdir "$D"
  tar -xf "$(debian_root_tar)" -C "$D"
  cp "$DEB" "$D/tare.deb"
}
setup() { [ -z "$TARE_SANITIZED" ] || skip "a sanitizer's programs want libraries that the package does not name"; }
teardown_file() {
  rm -rf --one-file-system "$D"
  tare_teardown_file
}

inside() { chroot "$D" /usr/bin/env -i PATH=/usr/sbin:/usr/bin DEBIAN_FRONTEND=noninteractive "$@"; }
# Its libraries are not there: nobody asks for an image here.
install_it() { inside dpkg -i --force-depends /tare.deb 2>&1; }
purge_it() { inside dpkg -P --force-depends tare 2>&1; }
enabled() { [ -L "$D/etc/systemd/system/$1" ]; }

@test "programs, pages, units and completions are where Debian has them; sums are right" {
  dpkg-deb -x "$DEB" "$BATS_TEST_TMPDIR/x"; dpkg-deb -e "$DEB" "$BATS_TEST_TMPDIR/e"
  cd "$BATS_TEST_TMPDIR/x"
  for p in bin/tare bin/tared bin/tare-oci libexec/tare/tare-monitor libexec/tare/tare-worker libexec/tare/tare-transfer libexec/tare/tare-netd libexec/tare/tare-init; do
    [ -x "usr/$p" ]
    run ! grep -q '^\.debug_info' <(readelf -S -W "usr/$p" | awk '{ print $3 }')
  done
  md5sum --quiet -c "$BATS_TEST_TMPDIR/e/md5sums"
  [ "$(find . -type f | wc -l)" = "$(wc -l <"$BATS_TEST_TMPDIR/e/md5sums")" ]
  zcat usr/share/man/man1/tare-run.1.gz | grep -q '^\.SH DESCRIPTION'
  [ -e usr/share/man/man1/tare-image-ls.1.gz ] # a link that leads somewhere
  find . -xtype l | { run ! grep .; }
  [ -s usr/share/doc/tare/copyright ]; [ -s usr/share/doc/tare/changelog.Debian.gz ]
  for l in libcurl4 libarchive13 libc6 nftables; do grep -Eq "^Depends:.*\b$l\b" "$BATS_TEST_TMPDIR/e/control"; done
  run -0 usr/bin/tared --version
  for s in postinst prerm postrm; do dash -n "$BATS_TEST_TMPDIR/e/$s"; done
}

@test "systemd takes the units as they are" {
  dpkg-deb -x "$DEB" "$BATS_TEST_TMPDIR/x"
  mkdir "$BATS_TEST_TMPDIR/x/bin"
  cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/x/bin/sh"; cp "$BATS_TEST_TMPDIR/x/bin/sh" "$BATS_TEST_TMPDIR/x/bin/kill"
  run -0 systemd-analyze verify --man=no --recursive-errors=no --root="$BATS_TEST_TMPDIR/x" tared.socket tared-docker.socket tared.service tare-restart.service
  [ -z "$output" ]
  sed -i 's/^SocketMode=/SocketModus=/' "$BATS_TEST_TMPDIR/x/usr/lib/systemd/system/tared.socket"
  run systemd-analyze verify --man=no --recursive-errors=no --root="$BATS_TEST_TMPDIR/x" tared.socket
  [[ "$output" == *SocketModus* ]]
}

@test "an installation without dockerd has the sockets, both; a purge takes them and leaves the data" {
  run -0 install_it
  enabled sockets.target.wants/tared.socket
  enabled sockets.target.wants/tared-docker.socket
  enabled multi-user.target.wants/tare-restart.service
  [ "$(inside tare --version)" = "$(tare --version)" ]
  mkdir -p "$D/var/lib/tare/volumes"; touch "$D/var/lib/tare/volumes/precious"
  run -0 install_it # an upgrade
  enabled sockets.target.wants/tared-docker.socket
  run -0 purge_it
  [[ "$output" == *"/var/lib/tare"*"is left"* ]]
  [ -e "$D/var/lib/tare/volumes/precious" ]
  run ! enabled sockets.target.wants/tared.socket
  run ! enabled sockets.target.wants/tared-docker.socket
  run ! enabled multi-user.target.wants/tare-restart.service
  [ ! -e "$D/usr/bin/tared" ]
}

@test "a dockerd that is installed keeps its socket, and the installation says how to get to tare" {
  touch "$D/usr/sbin/dockerd"; chmod 755 "$D/usr/sbin/dockerd"
  run -0 install_it
  [[ "$output" == *"docker context create tare --docker host=unix:///run/tare/docker.sock"* ]]
  enabled sockets.target.wants/tared.socket
  run ! enabled sockets.target.wants/tared-docker.socket
  rm "$D/usr/sbin/dockerd"
  run -0 install_it # whoever removes dockerd later says himself what is to be there instead
  run ! enabled sockets.target.wants/tared-docker.socket
  run -0 purge_it
}

@test "what was disabled stays so through an upgrade" {
  run -0 install_it
  rm "$D/etc/systemd/system/sockets.target.wants/tared.socket" # as systemctl disable
  run -0 install_it
  run ! enabled sockets.target.wants/tared.socket
  run -0 purge_it
}
