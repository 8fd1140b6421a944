#!/usr/bin/env bats
# tools/lint-source: each house rule, broken once, is one line that names file, line and rule.
bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_TMPDIR" || exit 1
  mkdir -p src/base src/sys src/oci src/engine src/image/worker src/runtime
}

lint() { "$TARE_TESTS/../tools/lint-source"; }

# refused FILE TEXT WANT: exactly one finding, and it says WANT
refused() {
  printf '%s\n' "$2" >"$1"
  run -1 lint
  rm "$1"
  [ "${#lines[@]}" -eq 1 ]
  [[ ${lines[0]} == "$1:"*"$3"* ]]
}

@test "includes go down only" {
  refused src/sys/a.c '#include "oci/spec.h"' 'sys/ is not above oci/'
  refused src/base/a.h '#include "sys/proc.h"' 'base/ is not above sys/'
  refused src/engine/a.c '#include "monitor/monitor.h"' 'engine/ is not above monitor/'
  refused src/image/worker/a.c '#include "runtime/runtime.h"' 'image/ is not above runtime/'
  refused src/oci/a.c '#include "spec.h"' 'name the room'
  mkdir src/misc
  refused src/misc/a.c 'int x;' 'no room of the floor plan'
}

@test "banned functions are found as calls, not as words" {
  for f in strcpy strcat sprintf vsprintf system popen strtok alloca strncpy tmpnam mktemp gets getpwnam getaddrinfo; do
    refused src/sys/a.c "static void f(void) { $f(x); }" "$f() is banned"
  done
  refused src/oci/a.c 'static void f(void) { fork(); }' 'use sys/spawn.h'
  refused src/oci/a.c 'static void f(void) { if (vfork ()) x(); }' 'use sys/spawn.h'
  cat >src/oci/a.c <<'END'
/* strcpy() and fork() are banned */
static const char *const s = "system(x)"; // popen(x)
static void f(void) { my_system(s); a->fork(s); v.gets(s); }
END
  run -0 lint
}

@test "a function fits a screen, a file 800 lines, a table may be long" {
  refused src/oci/a.c "$(echo 'void f(void)'; echo '{'; for i in {1..61}; do echo "	g($i);"; done; echo '}')" 'function of 61 lines'
  refused src/oci/a.c "$(for i in {1..801}; do echo "int x$i;"; done)" '801 lines'
  { echo 'static const int t[] = {'; for i in {1..100}; do echo "	$i,"; done; echo '};'; } >src/oci/a.c
  run -0 lint
}

@test "what is left undone is found" {
  refused src/oci/a.c "/* TO""DO: the rest */" 'unfinished'
}

@test "what fails no test is found" {
  mkdir tests
  for command in 'false' 'a | grep -q b'; do
    refused tests/a.bats "@test \"a\" {"$'\n'"  ! $command"$'\n'"  true"$'\n'"}" 'run !'
  done
  printf '%s\n' 'helper() {' '  ! false' '}' '@test "a" {' '  run ! false' '  ! true || skip' '  wait_until 5 sh -c "! false"' '}' >tests/a.bats
  run -0 lint
}

@test "every package that we install has its row in docs/dependencies.md" {
  cd "$TARE_TESTS/.."
  for p in $(sed -n 's/^ *\[[a-z]*\]="\(.*\)"$/\1/p' tools/install-deps); do
    grep -qE "^\|.*[( ]$p[,)]" docs/dependencies.md || { echo "no row for $p"; return 1; }
  done
  run ! grep -nE '^\|.*[^|]$' docs/dependencies.md
}

@test "make install: what README and the documents link to is there" {
  DESTDIR=$BATS_TEST_TMPDIR "$TARE_TESTS/../tools/install" "$TARE_BUILD" /usr >/dev/null
  doc=$BATS_TEST_TMPDIR/usr/share/doc/tare
  for from in README.md docs/architecture.md docs/security.md docs/formats.md docs/dependencies.md; do
    for to in $(grep -oE '\]\([^)#]+' "$doc/$from" | sed 's/^](//' | grep -v '^http'); do
      [ -e "$doc/$(dirname "$from")/$to" ] || { echo "$from: $to"; return 1; }
    done
  done
  [ -e "$doc/docs/adr/0002-musl-static-pie.md" ]
}
