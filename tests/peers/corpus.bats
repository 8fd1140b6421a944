#!/usr/bin/env bats
# The Dockerfiles of corpus/, each built by tare, by docker 20.10 with and without BuildKit, and by Debian's buildah: the same
# configuration and the same tree (kinds, modes, owners, links, contents, attributes, times), or a difference that the case
# names with its reason (tests/lib/corpus_case.py has the form of a case). All are built before the first test; CORPUS, a
# regular expression, builds and judges some alone.
load ../lib/common
load ../lib/docker

setup_file() {
  tare_setup_file
  load_busybox
  export W=$BATS_FILE_TMPDIR CASES=$TARE_TESTS/peers/corpus
  export BUILDAH_STORE=$W/buildah DOCKER_STORE=$W/docker DOCKER="/usr/bin/docker --host unix://$W/docker.sock"
  export BUILDAH="buildah --storage-driver overlay --root $W/buildah --runroot $W/buildah-run"
  start_dockerd
  [ -z "$NO_DOCKERD" ] || return 0
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:docker.io/library/busybox:latest"
  peer_docker load -q -i "$W/busybox.tar"
  $BUILDAH pull -q "docker-archive:$W/busybox.tar" >/dev/null
  corpus build
}

setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

teardown_file() {
  stop_dockerd
  unmount_peers
  tare_teardown_file
}

corpus() { python3 "$TARE_TESTS/lib/corpus.py" "$1" "$CASES" "$W/work" "${@:2}"; }

# The case of this test's name; prints rows for its section "differ".
same() {
  [[ $BATS_TEST_DESCRIPTION =~ ${CORPUS:-} ]] || skip "not of those that were asked for"
  corpus judge "$BATS_TEST_DESCRIPTION"
}

@test "every case has a test" {
  diff <(sed -n 's/^@test "\(.*\)" { same; }$/\1/p' "$BATS_TEST_FILENAME" | sort) <(corpus list | sort)
}

@test "arg-scopes" { same; }
@test "copy-chmod" { same; }
@test "copy-chown" { same; }
@test "copy-everything" { same; }
@test "copy-file" { same; }
@test "copy-folder" { same; }
@test "copy-from-stage" { same; }
@test "copy-globs" { same; }
@test "copy-merge" { same; }
@test "copy-to-folder" { same; }
@test "env-forms" { same; }
@test "ignore-basic" { same; }
@test "onbuild-base" { same; }
@test "run-environment" { same; }
@test "run-forms" { same; }
@test "run-hardlinks" { same; }
@test "run-kinds" { same; }
@test "run-removals" { same; }
@test "run-times" { same; }
@test "copy-xattrs" { same; }
@test "scratch" { same; }
@test "user-forms" { same; }
@test "workdir-chain" { same; }

@test "what may differ everywhere does so somewhere" {
  [ -z "${CORPUS:-}" ] || skip "not all cases were built"
  corpus unused
}
