#!/usr/bin/env bats
# tare build: the caches of RUN --mount=type=cache where several want them at once.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; tare builder prune -af >/dev/null; }

dockerfile() { cat >"$ctx/Dockerfile"; }
# background NAME ARGS...: a build whose process is left in $pid, and what it says in NAME
background() { timeout 60 "$TARE_BIN/tare" build "${@:2}" "$ctx" >"$BATS_TEST_TMPDIR/$1" 2>&1 3>&- 4>&- & pid=$!; }
# cache_of NAME: the folder of the cache in which a file is called so
cache_of() { dirname "$(find "$TARE_ROOT/build-cache" -name "$1")"; }
# hold FOLDER, let_go: its lock, in the name of a process that lives; /proc/locks of a pid namespace shows nobody who waits for others'.
hold() { flock -F "$1" sleep 100 3>&- 4>&- & holder=$!; wait_until 5 held "$1"; }
held() { ! flock -n "$1" true; }
let_go() { kill "$holder"; wait "$holder" || true; }
# waiting FOLDER N: so many wait for its lock
waiting() { [ "$(grep -c -- "-> FLOCK .*:$(stat -c %i "$1") " /proc/locks)" -eq "$2" ]; }

@test "RUNs that want the same locked caches in another order do not wait for each other for ever" {
  local holder a=--mount=type=cache,id=a,target=/a,sharing=locked b=--mount=type=cache,id=b,target=/b,sharing=locked first second last pid one two
  printf 'FROM busybox\nRUN %s %s touch /a/is-a /b/is-b\n' "$a" "$b" | dockerfile
  run -0 tare build "$ctx"
  for last in a b; do
    # somebody has the one; who wants that first comes first, and then who has the other already
    hold "$(cache_of "is-$last")"
    [ "$last" = a ] && { first=$a second=$b; } || { first=$b second=$a; }
    printf 'FROM busybox\nRUN %s %s echo one %s\n' "$first" "$second" "$last" | dockerfile
    background one; one=$pid
    wait_until 30 waiting "$(cache_of "is-$last")" 1
    printf 'FROM busybox\nRUN %s %s echo two %s\n' "$second" "$first" "$last" | dockerfile
    background two; two=$pid
    wait_until 30 bash -c "[ \"\$(grep -c -- '-> FLOCK .*:\\($(stat -c %i "$(cache_of is-a)")\\|$(stat -c %i "$(cache_of is-b)")\\) ' /proc/locks)\" -eq 2 ]"
    let_go
    wait "$one" || { cat "$BATS_TEST_TMPDIR/one"; false; }
    wait "$two" || { cat "$BATS_TEST_TMPDIR/two"; false; }
  done
}

@test "a cache that is pruned while a RUN waits for it is made anew" {
  local sharing pid folder holder
  for sharing in locked shared; do
    printf 'FROM busybox\nRUN --mount=type=cache,target=/c,uid=7,mode=0711,sharing=%s touch /c/mark\n' "$sharing" | dockerfile
    run -0 tare build --no-cache "$ctx"
    printf 'FROM busybox\nRUN --mount=type=cache,target=/c,uid=7,mode=0711,sharing=%s stat -c %%u:%%a /c; ls -A /c | wc -l; touch /c/fresh\n' "$sharing" | dockerfile
    folder=$(cache_of mark)
    hold "$folder"
    background out --no-cache
    wait_until 30 waiting "$folder" 1
    rm -r "$folder"
    let_go
    wait "$pid" || { cat "$BATS_TEST_TMPDIR/out"; false; }
    grep -q '^\[stage-0\] 0$\|^0$' "$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; false; }
    grep -q '7:711$' "$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; false; }
    [ -e "$folder/fresh" ]
    tare builder prune -af
    [ ! -e "$folder" ]
  done
}

@test "a target with a colon in it is told as that; du says which folder remembers a URL" {
  local type
  for type in type=cache,id=x type=tmpfs type=bind; do
    printf 'FROM busybox\nRUN --mount=%s,target=/a:b true\n' "$type" | dockerfile
    run -1 tare build "$ctx"
    [[ "$output" == *"line 2: RUN --mount=$type,target=/a:b true: --mount: target=/a:b: nothing can be mounted at a path with a colon in it" ]] || { echo "$output"; false; }
  done
  load ../lib/web
  web_start; echo 1 >"$(web_dir)/www/a"
  printf 'FROM busybox\nADD %s/v/a /a\nRUN --mount=type=cache,target=/c true\n' "$(web)" | dockerfile
  run -0 tare build "$ctx"
  run -0 tare builder du --no-trunc
  [ "$(tare builder du --format json --no-trunc | jq -r 'select(.CacheType == "exec.cachemount" or .Type == "exec.cachemount") | .Description' | sort | tr '\n' '|')" = "ADD $(web)/v/a|RUN --mount=type=cache|RUN --mount=type=cache|" ] ||
    { echo "$output"; tare builder du --format json; web_stop; false; }
  web_stop
}
