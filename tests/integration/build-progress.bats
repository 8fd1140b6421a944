#!/usr/bin/env bats
# tare build: what people see of it, on terminals and elsewhere.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; tare builder prune -af >/dev/null; export TERM=xterm; }

dockerfile() { cat >"$ctx/Dockerfile"; }
# on_terminal STEP... -- OPTION...: tests/lib/terminal.py with a build
on_terminal() {
  local steps=()
  while [ "$1" != -- ]; do steps+=("$1"); shift; done
  shift
  python3 "$BATS_TEST_DIRNAME/../lib/terminal.py" "${steps[@]}" -- "$TARE_BIN/tare" build -t t "$@" "$ctx"
}
# has LINE...: a line of the output begins and ends so
has() { grep -Eq "^$1\$" <<<"$output" || { { echo "no line is $1 in"; cat <<<"$output"; } >&2; return 1; }; }
two_stages() {
  dockerfile <<'D'
FROM busybox AS a
RUN for i in 1 2 3 4 5 6 7 8 9; do echo "line $i, which is wider than the terminal is by some words that nobody needs to see on it"; sleep 0.2; done
FROM busybox AS b
RUN for i in 1 2 3 4 5 6 7 8 9; do printf 'percent %s0\r' $i; sleep 0.2; done; echo; sleep 0.3
FROM a
COPY --from=b /etc/passwd /b
D
}

@test "on a terminal: what is at work with the end of what it says, one line when it is done" {
  two_stages
  run -0 on_terminal size=24x80 "wait=line 6" show -- --jobs 2
  has ' => \[a 1/2\] FROM busybox AS a +0\.[0-9]s'
  has ' => \[a 2/2\] RUN for i in .* [0-9]\.[0-9]s'
  has ' => => line 3, which is wider than the terminal is by some words that nobody ne'
  has ' => => line 6, .*'
  run ! has ' => => line 2, .*'
  run -0 on_terminal size=24x80 "wait=percent 80" show end all -- --jobs 2 --no-cache
  has ' => => percent 80'
  [ "$(grep -c '=> => percent' <<<"$output")" -eq 1 ]
  final=$(sed -n '/^exit 0$/,$p' <<<"$output")
  [ "$(grep -c '=> \[b 2/2\] RUN ' <<<"$final")" -eq 1 ]
  [ "$(grep -c '^ => => ' <<<"$final")" -eq 0 ]
  grep -q 'Successfully tagged t:latest' <<<"$final"
  run -0 on_terminal size=24x80 end all -- --jobs 2
  has 'exit 0'
  has ' => CACHED \[stage-2 2/2\] COPY --from=b .* 0\.[0-9]s'
}

@test "a terminal that becomes narrower, wider, lower: each step once, nothing left between" {
  two_stages
  run -0 on_terminal size=24x80 "wait=line 2" size=24x45 "wait=line 5" size=24x120 "wait=line 7" size=24x60 "wait=line 8" size=10x60 end all -- --jobs 2
  for step in '\[a 1/2\]' '\[a 2/2\]' '\[b 1/2\]' '\[b 2/2\]' '\[stage-2 1/2\]' '\[stage-2 2/2\]'; do
    [ "$(grep -c "=> $step" <<<"$output")" -eq 1 ] || { cat <<<"$output" >&2; return 1; }
  done
  [ "$(grep -c '^ => => ' <<<"$output")" -eq 0 ]
}

@test "more at work than a small terminal has room for" {
  { for s in 1 2 3 4 5 6; do printf 'FROM busybox AS s%s\nRUN echo said; sleep 1; echo %s\n' $s $s; done
    echo "FROM busybox"; for s in 1 2 3 4 5 6; do echo "COPY --from=s$s /etc/passwd /$s"; done; } | dockerfile
  run -0 on_terminal size=4x40 "wait=s5 2/2" show end all -- --jobs 6
  has 'exit 0'
  final=$(sed -n '/^exit 0$/,$p' <<<"$output")
  [ "$(grep -c '2/2\] RUN' <<<"$final")" -eq 6 ]
}

@test "a step that fails: what it said; the others did not come to their end" {
  printf 'FROM busybox AS a\nRUN exec sleep 1000\nFROM busybox AS b\nRUN sleep 1; for i in 1 2 3 4 5 6; do echo "reason $i"; done; exit 5\nFROM a\nCOPY --from=b / /b\n' | dockerfile
  run -0 on_terminal size=24x100 end all -- --jobs 2
  has 'exit 1'
  has ' => ERROR \[b 2/2\] RUN .*'
  has ' => => reason 1'
  has ' => => reason 6'
  has ' => CANCELED \[a 2/2\] RUN exec sleep 1000 .*'
  has 'tare: Dockerfile: line 4: .*'
}

@test "Ctrl-C ends all of it" {
  printf 'FROM busybox AS a\nRUN echo ready-a; exec sleep 1000\nFROM busybox AS b\nRUN echo ready-b; exec sleep 1001\nFROM a\nCOPY --from=b / /b\n' | dockerfile
  run -0 on_terminal size=24x100 wait=ready-a wait=ready-b 'send=\x03' end -- --jobs 2
  has 'exit -2'
  wait_until 10 bash -c "[ -z \"\$('$TARE_BIN/tare' ps -aq)\" ]"
  tare system prune -f
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 ! -name '*.lock')" ]
}

@test "what a command says does nothing to the terminal" {
  # the emulator fails at any sequence that is not ours
  printf '\033[2J\033[Hbegin \033]0;title\007\033[31mred\033[0m \342\200\256 \377 end\n\016\b\b' >"$ctx/hostile"
  printf 'FROM busybox\nCOPY hostile /\nRUN cat /hostile; sleep 1; exit 1\n' | dockerfile
  run -0 on_terminal size=24x80 "wait= => => begin" show end all "raw=$BATS_TEST_TMPDIR/raw" --
  has ' => => begin red  \? end'
  run ! grep -aqP '\x1b\[(2J|H|31m)|\x1b\]|\x0e' "$BATS_TEST_TMPDIR/raw"
}

@test "elsewhere: plain, and no escape sequence; tty is refused; dumb terminals" {
  two_stages
  for progress in auto plain json quiet; do
    tare build --progress $progress "$ctx" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    run ! grep -q $'\033' "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
  done
  [ ! -s "$BATS_TEST_TMPDIR/err" ]
  [[ "$(cat "$BATS_TEST_TMPDIR/out")" =~ ^sha256:[0-9a-f]{64}$ ]]
  run -1 tare build --progress tty "$ctx"
  [[ "$output" == *"--progress tty: standard error is no terminal"* ]]
  run -125 tare build --progress fancy "$ctx"
  export TERM=dumb
  run -0 on_terminal size=24x80 end all "raw=$BATS_TEST_TMPDIR/raw" --
  has '\[a 1/2\] FROM busybox AS a'
  run ! grep -q $'\033' "$BATS_TEST_TMPDIR/raw"
  export TERM=xterm
  run -0 on_terminal size=24x80 end all "raw=$BATS_TEST_TMPDIR/raw" -- --progress plain
  run ! grep -q $'\033' "$BATS_TEST_TMPDIR/raw"
}
