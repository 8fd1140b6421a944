#!/usr/bin/env bats
# How wrong command lines end: with docker's exit codes, command by command. docker's client says so by itself, without a daemon.
load ../lib/common

setup_file() { tare_setup_file; command -v docker >/dev/null || skip "no docker here"; }
teardown_file() { tare_teardown_file; }

# same_end WORD...: both refuse it, with the same exit code.
same_end() {
  local theirs=0 ours=0
  DOCKER_HOST=unix:///nowhere DOCKER_BUILDKIT=0 docker "$@" </dev/null >/dev/null 2>&1 || theirs=$?
  tare "$@" </dev/null >/dev/null 2>&1 || ours=$?
  [ "$theirs" != 0 ] && [ "$theirs" = "$ours" ] || echo "$*: docker $theirs, tare $ours"
}

@test "too few and too many arguments" {
  wrong=$(while read -r line; do
    # shellcheck disable=SC2086
    same_end $line
  done <<'LINES'
run
create
container run
start
stop
restart
kill
wait
rm
rmi
pause
unpause
exec
exec some
logs
logs some more
attach
attach some more
top
diff
diff some more
cp
cp some:/a
cp some:/a b c
inspect
rename
rename some
rename some more than
port
port some 80 81
update
ps some
images some more
pull
pull some more
push
push some more
load some
save
import
export
export some more
tag
tag some
history
history some more
login some more
logout some more
search
search some more
build
build . more
commit
commit some name more
info some
version some
events some
system df some
system prune some
network create
network create some more
network ls some
network rm
network inspect
network connect
network connect some
network disconnect some
network prune some
volume create some more
volume rm
volume ls some
volume inspect
volume prune some
image prune some
container prune some
builder prune some
LINES
)
  [ -z "$wrong" ] || { echo "$wrong"; false; }
}

@test "options that are none, and values that are missing" {
  wrong=$(for line in "ps --nosuch" "run --nosuch" "run -m" "create --nosuch" "exec -w" "rm --nosuch" "--nosuch ps" "network ls --filter" "nosuch" \
    "network nosuch"; do
    # shellcheck disable=SC2086
    same_end $line
  done)
  [ -z "$wrong" ] || { echo "$wrong"; false; }
}
