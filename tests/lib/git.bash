# Repositories for what tare fetches by git, and a server of them on loopback in the tests' network namespace.
#
#   git_start; git_repository NAME; git_commit NAME FILE CONTENT…; … "$(git_url NAME)"; git_stop in teardown
# shellcheck shell=bash

git_dir() { echo "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/git"; }
# in_git NAME ARG…: git there, as a user with a name and at a time of our own
in_git() {
  local name=$1; shift
  GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b \
    GIT_AUTHOR_DATE="${GIT_WHEN:-1500000000} +0000" GIT_COMMITTER_DATE="${GIT_WHEN:-1500000000} +0000" \
    git -c protocol.file.allow=always -c init.defaultBranch=main -c core.autocrlf=false -C "$(git_dir)/$name" "$@"
}
git_repository() { mkdir -p "$(git_dir)/$1"; in_git "$1" init -q .; }
# git_commit NAME FILE CONTENT: prints the commit
git_commit() {
  mkdir -p "$(dirname "$(git_dir)/$1/$2")"
  printf '%s' "$3" >"$(git_dir)/$1/$2"
  in_git "$1" add -A; in_git "$1" commit -qm "$2"
  in_git "$1" rev-parse HEAD
}
git_url() { echo "git://127.0.0.1/$1"; }
git_start() {
  local i=0
  mkdir -p "$(git_dir)"
  git daemon --reuseaddr --listen=127.0.0.1 --base-path="$(git_dir)" --export-all --informative-errors --log-destination=stderr --verbose \
    "$(git_dir)" >"$(git_dir)/log" 2>&1 </dev/null 3>&- 4>&- &
  echo $! >"$(git_dir)/pid"
  until grep -q Ready "$(git_dir)/log" || [ $((++i)) -gt 200 ]; do sleep 0.05; done
}
git_stop() {
  local pid
  [ -e "$(git_dir)/pid" ] || return 0
  pid=$(cat "$(git_dir)/pid")
  # shellcheck disable=SC2046
  kill $(pgrep -P "$pid") "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm -f "$(git_dir)/pid"
}
# git_count TEXT: how many requests there were of which the server said that.
git_count() { grep -c "$1" "$(git_dir)/log" || true; }
