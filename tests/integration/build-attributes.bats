#!/usr/bin/env bats
# tare build: extended attributes of files and folders.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; tare builder prune -af >/dev/null; }

dockerfile() { cat >"$ctx/Dockerfile"; }

@test "attributes that cannot be listed are an error, not none" {
  mkdir "$ctx/many"
  mount -t tmpfs -o size=64m tmpfs "$ctx/many"
  # their names are longer than listxattr(2) gives
  /usr/bin/python3 -c '
import os, sys
open(sys.argv[1], "w").close()
for n in range(400): os.setxattr(sys.argv[1], "user.%03d" % n + "x" * 230, b"1")' "$ctx/many/f" || { umount "$ctx/many"; skip "no such number of attributes here"; }
  printf 'FROM busybox\nCOPY many /x\n' | dockerfile
  run tare build "$ctx"
  umount "$ctx/many"
  [ "$status" = 1 ]
  [[ "$output" == *"line 2: COPY many /x: "*"list its attributes: "* ]] || { echo "$output"; false; }
}

@test "--squash: an attribute of a folder that a later layer took away is away" {
  mkdir -p "$ctx/files/d"
  /usr/bin/python3 -c 'import os, sys; [os.setxattr(sys.argv[1], "user." + n, b"1") for n in ("gone", "kept")]' "$ctx/files/d"
  cat >"$ctx/x.c" <<'C'
#include <stdio.h>
#include <sys/xattr.h>
int main(int argc, char **argv)
{
	char names[4096];
	if (argc > 1 && removexattr("/x/d", argv[1])) return 1;
	for (long len = listxattr("/x/d", names, sizeof(names)), i = 0; i < len; i++) putchar(names[i] ? names[i] : '\n');
	return 0;
}
C
  cc -static -o "$ctx/x" "$ctx/x.c"
  printf 'FROM busybox\nCOPY x /bin/\nCOPY files /x\nRUN x user.gone\nRUN touch /x/d/f\n' | dockerfile
  for option in --squash=false --squash; do
    run -0 tare build -t t $option "$ctx"
    [ "$(tare run --rm t x | grep ^user)" = user.kept ] || { echo "$option: $(tare run --rm t x)"; false; }
  done
}
