#!/usr/bin/env bats
# Images through tared by the docker CLI: what it prints is what it prints of dockerd.

load ../lib/common
load ../lib/docker
load ../lib/registry
load ../lib/tared

setup_file() {
  tare_setup_file
  unset DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG
  export HOME=$BATS_FILE_TMPDIR/home W=$BATS_FILE_TMPDIR
  mkdir "$HOME"
  start_dockerd
  [ -z "$NO_DOCKERD" ] || return 0
  registry_image two:1 3000 5000 >/dev/null
  registry_image two:2 3000 6000 >/dev/null
  registry_start
  start_tared
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:busybox:latest"
}
teardown_file() {
  stop_tared
  stop_dockerd
  registry_stop
  tare_teardown_file
}
setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

ours() { /usr/bin/docker --host "unix://$SOCKET" "$@"; }
# same ARG...: both print the same of it and end with the same code; ids and digests that are their own are not compared, nor how
# often a line comes: docker passes over a step of a layer that is done at once (and its check altogether), and of an image that goes it names the layers, too.
same() {
  local who code
  for who in peer_docker ours; do
    code=0
    "$who" "$@" </dev/null >"$BATS_TEST_TMPDIR/$who" 2>&1 || code=$?
    { sed -E -e 's/sha256:[0-9a-f]{64}/DIGEST/g' -e 's/^[0-9a-f]{12}: /LAYER: /' -e 's/size: [0-9]+/size: N/' -e '/^LAYER: Verifying Checksum$/d' "$BATS_TEST_TMPDIR/$who" | sort -u; echo "exit $code"; } >"$BATS_TEST_TMPDIR/$who.same"
  done
  diff "$BATS_TEST_TMPDIR/peer_docker.same" "$BATS_TEST_TMPDIR/ours.same" || { echo "docker $*" >&2; return 1; }
}

@test "load, tag, save, import, rmi" {
  same load -i "$W/busybox.tar"
  same load -q -i "$W/busybox.tar"
  same tag busybox other:1
  same tag nope:1 other:2
  same image ls --format '{{.Repository}}:{{.Tag}}'
  for who in peer_docker ours; do "$who" save busybox other:1 | tar -xO manifest.json | jq -c '[.[].RepoTags[]] | sort' >"$BATS_TEST_TMPDIR/$who"; done
  diff "$BATS_TEST_TMPDIR/peer_docker" "$BATS_TEST_TMPDIR/ours"
  same save -o /dev/null nope
  same import -c 'CMD ["x"]' "$W/busybox.tar" imported:1
  same rmi other:1
  same rmi other:1
  same rmi imported:1
}

@test "pull and push: fresh, what is here, what is not, all tags" {
  two=$(registry)/two
  same pull "$two:1"
  same pull "$two:1"
  same pull -q "$two:1"
  same pull "$two:2"
  same load -q -i "$W/busybox.tar"
  for who in peer_docker ours; do "$who" tag busybox "$(registry)/$who:1"; "$who" push "$(registry)/$who:1" | tail -n 1 | sed 's/sha256:.*//'; done >"$BATS_TEST_TMPDIR/pushed"
  [ "$(uniq "$BATS_TEST_TMPDIR/pushed")" = "1: digest: " ]
  same push "$(registry)/never:1"
  same rmi "$two:1" "$two:2"
}
