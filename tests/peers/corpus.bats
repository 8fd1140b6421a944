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

corpus() { python3 "$TARE_TESTS/lib/corpus.py" "$1" "$CASES" "$W/built" "${@:2}"; }

# The case of this test's name; prints rows for its section "differ".
same() {
  [[ $BATS_TEST_DESCRIPTION =~ ${CORPUS:-} ]] || skip "not of those that were asked for"
  cat "$W/built/verdicts/$BATS_TEST_DESCRIPTION"
  [ ! -s "$W/built/verdicts/$BATS_TEST_DESCRIPTION" ]
}

@test "every case has a test" {
  diff <(sed -n 's/^@test "\(.*\)" { same; }$/\1/p' "$BATS_TEST_FILENAME" | sort) <(corpus list | sort)
}

@test "add-archive" { same; }
@test "add-archive-links" { same; }
@test "add-archive-to-name" { same; }
@test "add-chmod" { same; }
@test "add-like-copy" { same; }
@test "add-merged" { same; }
@test "add-named-otherwise" { same; }
@test "add-no-archive" { same; }
@test "add-owned" { same; }
@test "add-packed" { same; }
@test "add-packed-otherwise" { same; }
@test "add-several-archives" { same; }
@test "arg-beside-env" { same; }
@test "arg-default-of-another" { same; }
@test "arg-given" { same; }
@test "arg-of-parent" { same; }
@test "arg-of-stages" { same; }
@test "arg-platform" { same; }
@test "arg-proxy" { same; }
@test "arg-scopes" { same; }
@test "arg-several" { same; }
@test "arg-unknown" { same; }
@test "cmd-empty" { same; }
@test "cmd-forms" { same; }
@test "cmd-last" { same; }
@test "cmd-list-escapes" { same; }
@test "cmd-no-list" { same; }
@test "cmd-of-base" { same; }
@test "cmd-reset" { same; }
@test "cmd-reset-alone" { same; }
@test "cmd-shell-words" { same; }
@test "copy-arguments" { same; }
@test "copy-as-user" { same; }
@test "copy-case" { same; }
@test "copy-chmod" { same; }
@test "copy-chmod-folder" { same; }
@test "copy-chmod-words" { same; }
@test "copy-chown" { same; }
@test "copy-chown-unknown" { same; }
@test "copy-chown-variable" { same; }
@test "copy-dest-relative" { same; }
@test "copy-empty" { same; }
@test "copy-everything" { same; }
@test "copy-exclude" { same; }
@test "copy-fifo" { same; }
@test "copy-file" { same; }
@test "copy-file-on-folder" { same; }
@test "copy-flag-unknown" { same; }
@test "copy-folder" { same; }
@test "copy-folder-on-file" { same; }
@test "copy-from-capitals" { same; }
@test "copy-from-hardlinks" { same; }
@test "copy-from-image" { same; }
@test "copy-from-later" { same; }
@test "copy-from-links" { same; }
@test "copy-from-number" { same; }
@test "copy-from-owned" { same; }
@test "copy-from-stage" { same; }
@test "copy-glob-folders" { same; }
@test "copy-glob-hidden" { same; }
@test "copy-glob-optional" { same; }
@test "copy-globs" { same; }
@test "copy-hardlinks" { same; }
@test "copy-kinds-clash" { same; }
@test "copy-link-abs" { same; }
@test "copy-link-flag" { same; }
@test "copy-link-sources" { same; }
@test "copy-list" { same; }
@test "copy-merge" { same; }
@test "copy-missing" { same; }
@test "copy-no-match" { same; }
@test "copy-odd-names" { same; }
@test "copy-on-link" { same; }
@test "copy-outside" { same; }
@test "copy-owned-folders" { same; }
@test "copy-parents" { same; }
@test "copy-replaced" { same; }
@test "copy-several-to-file" { same; }
@test "copy-sources" { same; }
@test "copy-through-links" { same; }
@test "copy-times" { same; }
@test "copy-to-folder" { same; }
@test "copy-whole" { same; }
@test "copy-xattrs" { same; }
@test "entrypoint-shell" { same; }
@test "env-continued" { same; }
@test "env-empty" { same; }
@test "env-escapes" { same; }
@test "env-forms" { same; }
@test "env-legacy" { same; }
@test "env-of-base" { same; }
@test "env-overwritten" { same; }
@test "env-unicode" { same; }
@test "expand-bad" { same; }
@test "expand-cut" { same; }
@test "expand-defaults" { same; }
@test "expand-everywhere" { same; }
@test "expand-names" { same; }
@test "expand-nowhere" { same; }
@test "expand-replace" { same; }
@test "expand-required" { same; }
@test "expand-required-set" { same; }
@test "expand-same-line" { same; }
@test "expand-without-colon" { same; }
@test "expose-bad" { same; }
@test "expose-bad-protocol" { same; }
@test "expose-forms" { same; }
@test "expose-of-base" { same; }
@test "file-missing" { same; }
@test "file-named" { same; }
@test "file-own-ignore" { same; }
@test "from-arg" { same; }
@test "from-bad-name" { same; }
@test "from-empty" { same; }
@test "from-empty-name" { same; }
@test "from-name" { same; }
@test "from-no-base" { same; }
@test "from-platform" { same; }
@test "from-scratch-stage" { same; }
@test "from-stage" { same; }
@test "from-stage-capitals" { same; }
@test "from-stage-like-image" { same; }
@test "from-stage-name" { same; }
@test "from-target" { same; }
@test "from-target-number" { same; }
@test "from-target-unknown" { same; }
@test "from-unused" { same; }
@test "healthcheck-bad" { same; }
@test "healthcheck-kept" { same; }
@test "healthcheck-list" { same; }
@test "healthcheck-none" { same; }
@test "healthcheck-of-base" { same; }
@test "healthcheck-options" { same; }
@test "healthcheck-shell" { same; }
@test "healthcheck-short" { same; }
@test "healthcheck-start-interval" { same; }
@test "heredoc-copy" { same; }
@test "ignore-add" { same; }
@test "ignore-all" { same; }
@test "ignore-bad" { same; }
@test "ignore-basic" { same; }
@test "ignore-copied" { same; }
@test "ignore-depth" { same; }
@test "ignore-depth-any" { same; }
@test "ignore-exception-alone" { same; }
@test "ignore-folder-copied" { same; }
@test "ignore-glob" { same; }
@test "ignore-itself" { same; }
@test "ignore-letters" { same; }
@test "ignore-link-target" { same; }
@test "ignore-links" { same; }
@test "ignore-order" { same; }
@test "ignore-parent-dots" { same; }
@test "ignore-spelling" { same; }
@test "ignore-stages" { same; }
@test "ignore-stars" { same; }
@test "ignore-wildcards" { same; }
@test "label-forms" { same; }
@test "label-letters" { same; }
@test "label-overwritten" { same; }
@test "maintainer" { same; }
@test "onbuild-all" { same; }
@test "onbuild-base" { same; }
@test "onbuild-copy-from" { same; }
@test "onbuild-from" { same; }
@test "onbuild-kept" { same; }
@test "onbuild-not-passed-on" { same; }
@test "onbuild-of-onbuild" { same; }
@test "parse-arguments" { same; }
@test "parse-blank-behind" { same; }
@test "parse-case" { same; }
@test "parse-cmd-case" { same; }
@test "parse-comments" { same; }
@test "parse-continued" { same; }
@test "parse-crlf" { same; }
@test "parse-end-continued" { same; }
@test "parse-escape" { same; }
@test "parse-escape-bad" { same; }
@test "parse-escape-late" { same; }
@test "parse-escape-twice" { same; }
@test "parse-mark" { same; }
@test "parse-no-newline" { same; }
@test "parse-nothing" { same; }
@test "parse-unknown" { same; }
@test "parse-unknown-directive" { same; }
@test "run-as-user" { same; }
@test "run-base-folders" { same; }
@test "run-continued" { same; }
@test "run-devices" { same; }
@test "run-environment" { same; }
@test "run-etc-files" { same; }
@test "run-exec-form" { same; }
@test "run-failing" { same; }
@test "run-forms" { same; }
@test "run-hardlinks" { same; }
@test "run-heredoc" { same; }
@test "run-kinds" { same; }
@test "run-link-exchange" { same; }
@test "run-metadata" { same; }
@test "run-mount-bind" { same; }
@test "run-mount-cache" { same; }
@test "run-mount-secret" { same; }
@test "run-mount-tmpfs" { same; }
@test "run-network" { same; }
@test "run-not-found" { same; }
@test "run-odd-names" { same; }
@test "run-quotes" { same; }
@test "run-removals" { same; }
@test "run-sparse" { same; }
@test "run-times" { same; }
@test "run-tmp" { same; }
@test "run-where" { same; }
@test "scratch" { same; }
@test "shell-empty" { same; }
@test "shell-no-list" { same; }
@test "shell-of-base" { same; }
@test "shell-run" { same; }
@test "stopsignal-bad" { same; }
@test "stopsignal-forms" { same; }
@test "stopsignal-number" { same; }
@test "user-bare" { same; }
@test "user-forms" { same; }
@test "user-unknown" { same; }
@test "user-unknown-unused" { same; }
@test "user-variable" { same; }
@test "volume-empty" { same; }
@test "volume-forms" { same; }
@test "volume-relative" { same; }
@test "volume-run" { same; }
@test "volume-written" { same; }
@test "workdir-chain" { same; }
@test "workdir-links" { same; }
@test "workdir-odd" { same; }
@test "workdir-of-base" { same; }
@test "workdir-on-file" { same; }
@test "workdir-owner" { same; }
@test "workdir-root" { same; }
@test "workdir-variable" { same; }

@test "a difference that no row names is told, and so is a row of none" {
  local cases=$BATS_TEST_TMPDIR/cases said="buildkit: /m2 mode is 0755"
  [[ copy-chmod =~ ${CORPUS:-} ]] || skip "not of those that were asked for"
  mkdir "$cases"; cp "$CASES/always" "$cases"
  sed '/^--- differ/,$d' "$CASES/copy-chmod.case" >"$cases/copy-chmod.case"
  CASES=$cases run -1 corpus judge copy-chmod
  [[ $output == *"classic: fails with the --chmod option requires BuildKit"*"$said"* ]]
  printf -- '--- differ\nclassic: fails with requires BuildKit\n%s\nbuildah: /m1 mode is 0000\n  for no reason\n' "$said" >>"$cases/copy-chmod.case"
  CASES=$cases run -1 corpus judge copy-chmod
  [ "$output" = "buildah: expected, but is not so: /m1 mode is 0000" ]
  sed -i '/m1 mode/d' "$cases/copy-chmod.case"
  CASES=$cases run -0 corpus judge copy-chmod
  sed -i '/for no reason/d' "$cases/copy-chmod.case"
  CASES=$cases run -1 corpus judge copy-chmod
  [[ $output == *"a difference without a reason"* ]]
}

@test "what may differ everywhere does so somewhere" {
  [ -z "${CORPUS:-}" ] || skip "not all cases were built"
  corpus unused
}
