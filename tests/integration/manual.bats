#!/usr/bin/env bats
# Manual pages: one for each command, free of a formatter's warnings, with the options that --help has.
load ../lib/common

setup_file() {
  tare_setup_file
  TARE_TREE=$(realpath "$BATS_TEST_DIRNAME/../..")
  export TARE_TREE PAGES=$BATS_FILE_TMPDIR/pages
  tare internal man "$TARE_TREE/man" "$PAGES" "$PAGES/7"
  "$TARE_BIN/tare-oci" internal man "$TARE_TREE/man" "$PAGES"
}
teardown_file() { tare_teardown_file; }

# The commands below a program or group, as --help lists them, with the groups' own.
commands() {
  "$@" --help | sed -n '/^Commands:$/,/^$/s/^  \([a-z-]*\) .*/\1/p' | while read -r c; do
    echo "${*##*/} $c"
    ! "$@" "$c" --help | grep -q '^Commands:$' || commands "$@" "$c"
  done
}

# The long options that a usage or a page shows, each once.
help_options() { sed -n '/^Options:$/,/^\(Commands:\)\?$/s/^  \(    \|-., \)--\([a-z0-9-]*\).*/\2/p' | sort -u; }
page_options() { sed -n 's/^\\fB\(\\-.\\fR, \\fB\)\?\\-\\-\([a-z0-9\\-]*\)\\fR.*/\2/p' "$1" | tr -d '\\' | sort -u; }

@test "each command has a page, with the options of its --help; no text is of none" {
  commands "$TARE_BIN/tare" >"$BATS_TEST_TMPDIR/commands"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/commands")" -gt 80 ]
  grep -qx 'tare network cni check' "$BATS_TEST_TMPDIR/commands"
  while read -r -a words; do
    page=$PAGES/$(IFS=-; echo "${words[*]}").1
    [ -e "$page" ] || { echo "no $page"; return 1; }
    diff <(tare "${words[@]:1}" --help | help_options) <(page_options "$page") || { echo "$page"; return 1; }
  done <"$BATS_TEST_TMPDIR/commands"
  diff <(tare --help | help_options) <(page_options "$PAGES/tare.1")
  for text in "$TARE_TREE"/man/*.md; do
    text=${text##*/}
    [ -f "$PAGES/${text%.md}.1" ] && [ ! -L "$PAGES/${text%.md}.1" ] || { echo "man/$text is of no command"; return 1; }
  done
}

@test "tare-oci: one page with all commands and their options" {
  commands "$TARE_BIN/tare-oci" >"$BATS_TEST_TMPDIR/commands"
  grep -qx 'tare-oci mounts add' "$BATS_TEST_TMPDIR/commands"
  while read -r line; do
    [ "$line" = 'tare-oci mounts' ] || grep -qxF ".SS ${line//-/\\-}" "$PAGES/tare-oci.1" || { echo "no $line"; return 1; }
    # shellcheck disable=SC2086
    comm -23 <("$TARE_BIN/"$line --help | help_options) <(page_options "$PAGES/tare-oci.1") | { run ! grep .; }
  done <"$BATS_TEST_TMPDIR/commands"
}

@test "a formatter has nothing to say about any page; every page that is named is there" {
  for page in "$PAGES"/*.1 "$PAGES"/7/*.7; do
    groff -k -man -Tutf8 -ww -z "$page"
  done >"$BATS_TEST_TMPDIR/said" 2>&1
  diff /dev/null "$BATS_TEST_TMPDIR/said"
  grep -oh 'fBtare[^ ]*\\fR(1)' "$PAGES"/*.1 | tr -d '\\' | sed 's/^fB//; s/fR(1)$//' | sort -u >"$BATS_TEST_TMPDIR/named"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/named")" -gt 60 ]
  while read -r page; do [ -e "$PAGES/$page.1" ] || { echo "no $page.1"; return 1; }; done <"$BATS_TEST_TMPDIR/named"
  grep -oh 'fBtare[^ ]*\\fR([17])' "$PAGES"/*.1 "$PAGES"/7/*.7 | tr -d '\\' | sed 's/^fB//; s/fR(\([17]\))$/.\1/' | sort -u >"$BATS_TEST_TMPDIR/named"
  grep -q '^tare-formats.7$' "$BATS_TEST_TMPDIR/named"
  while read -r page; do [ -e "$PAGES/$page" ] || [ -e "$PAGES/7/$page" ] || { echo "no $page"; return 1; }; done <"$BATS_TEST_TMPDIR/named"
}

@test "every page has examples, and each example's commands and options exist" {
  for page in "$PAGES"/*.1 "$PAGES"/7/*.7; do grep -q '^.SH EXAMPLES$' "$page" || { echo "$page has none"; return 1; }; done
  sed -n 's/^    \(tare\(-oci\)\? .*\)/\1/p' "$TARE_TREE"/man/*.md "$TARE_TREE"/man/topics/*.md | sed 's/ [|<>].*//; s/; .*//; s/\$([^)]*)/X/' >"$BATS_TEST_TMPDIR/examples"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/examples")" -gt 100 ]
  while read -r line; do
    eval "set -- $line"
    at=("$TARE_BIN/$1"); shift
    while :; do
      run -0 "${at[@]}" --help
      [[ "$output" == *$'\nCommands:\n'* && "${1:--}" != -* ]] || break
      at+=("$1"); shift
    done
    for w in "$@"; do
      case $w in
      --*) w=${w%%=*}; [[ "$output" == *" $w "* ]] || { echo "no $w: $line"; return 1; } ;;
      -?) [[ "$output" == *"  $w, --"* ]] || { echo "no $w: $line"; return 1; } ;;
      busybox | web | back) break ;; # what follows is the container's
      esac
    done
  done <"$BATS_TEST_TMPDIR/examples"
}

@test "a command without a text is an error that names it; a text that begins otherwise, too" {
  cp -r "$TARE_TREE/man" "$BATS_TEST_TMPDIR/man"
  rm "$BATS_TEST_TMPDIR/man/tare-image-tree.md"
  run -1 --separate-stderr tare internal man "$BATS_TEST_TMPDIR/man" "$BATS_TEST_TMPDIR/out"
  [[ "$stderr" == *"man/tare-image-tree.md is missing: every command brings the text of its manual page"* ]]
  echo '# EXAMPLES' >"$BATS_TEST_TMPDIR/man/tare-image-tree.md"
  run -1 --separate-stderr tare internal man "$BATS_TEST_TMPDIR/man" "$BATS_TEST_TMPDIR/out"
  [[ "$stderr" == *'tare-image-tree.md: must begin with "# DESCRIPTION"'* ]]
}

@test "a command by two ways has one page that shows both; backslashes, dashes and dots stay what they are" {
  [ "$(readlink "$PAGES/tare-image-ls.1")" = tare-images.1 ]
  text=$(man -E UTF-8 -l "$PAGES/tare-images.1" 2>/dev/null | cat) || text=$(groff -k -man -Tutf8 "$PAGES/tare-images.1" | sed 's/\x1b\[[0-9;]*m//g')
  [[ "$text" == *"tare images [OPTIONS] [NAME[:TAG]]"*"tare image ls [OPTIONS] [NAME[:TAG]]"* ]]
  groff -k -man -Tascii "$PAGES/tare-build.1" | sed 's/\x1b\[[0-9;]*m//g' >"$BATS_TEST_TMPDIR/text"
  grep -qF "printf 'FROM busybox\\nRUN echo hello >/greeting\\n' | tare build -t hello -" "$BATS_TEST_TMPDIR/text"
  run ! grep -q 'annotation' "$BATS_TEST_TMPDIR/text" # refused: not shown
}

@test "make install: pages and completions lie where others look for them" {
  DESTDIR=$BATS_TEST_TMPDIR/i "$TARE_TREE/tools/install" "$TARE_BUILD" /usr >/dev/null
  share=$BATS_TEST_TMPDIR/i/usr/share
  [ -s "$share/man/man7/tare-formats.7" ]; [ -s "$share/man/man1/tare-run.1" ]; [ -s "$share/man/man1/tare-oci.1" ]
  cmp "$share/bash-completion/completions/tare-oci" <(tare completion bash)
  cmp "$share/zsh/site-functions/_tare" <(tare completion zsh)
  cmp "$share/fish/vendor_completions.d/tare-oci.fish" <(tare completion fish)
  for folder in system user; do
    grep -qx 'ExecStart=/usr/bin/tare system gc $TARE_GC_OPTIONS' "$BATS_TEST_TMPDIR/i/usr/lib/systemd/$folder/tare-gc.service"
    [ -s "$BATS_TEST_TMPDIR/i/usr/lib/systemd/$folder/tare-gc.timer" ]
  done
}

@test "tare help: each topic is listed, shown and a page; every text is a topic; the completion has them" {
  run -0 tare help topics
  topics=$(sed -n 's/^  \([a-z-]*\) .*/\1/p' <<<"$output")
  diff <(echo "$topics") <(cd "$TARE_TREE/man/topics" && printf '%s\n' *.md | sed 's/\.md$//' | LC_ALL=C sort)
  diff <(echo "$topics") <(tare internal complete help '' | cut -f1 | grep -Fx -f <(echo "$topics"))
  for t in $topics; do
    [ -s "$PAGES/7/tare-$t.7" ]
    run -0 tare help "$t"
    [[ "$output" == "$t: "*$'\nDESCRIPTION\n    '*$'\nEXAMPLES\n        '* ]]
    [[ "$output" != *'`'* ]]
    # nothing but examples, and what must stay together, is wider than a terminal
    [ "$(grep -v '^        ' <<<"$output" | LC_ALL=C.UTF-8 wc -L)" -le 80 ]
    # the page's first line is where `apropos` finds it
    grep -q "^tare.*\\\\- $(tare help topics | sed -n "s/^  $t *\(.\{8\}\).*/\1/p" | sed 's/-/\\\\-/g; s/\./\\./g')" "$PAGES/7/tare-$t.7"
  done
}

@test "tare help: commands, groups and what is neither" {
  diff <(tare help run) <(tare run --help)
  diff <(tare help network create) <(tare network create --help)
  diff <(tare help network) <(tare network --help)
  [[ "$(tare help)" == "$(tare --help)"* ]]
  for bad in formast 'network formats' 'rum' 'internal'; do
    # shellcheck disable=SC2086
    run -1 --separate-stderr tare help $bad
    [[ "$stderr" == 'tare: there is no command and no topic "'* ]]
  done
  run -1 --separate-stderr tare help formast
  [[ "$stderr" == *'; did you mean formats?' ]]
  run -1 --separate-stderr tare help rum
  [[ "$stderr" == *'; did you mean run?' ]]
}

@test "docs/docker-api.md has the tables that tared works by" {
  cd "$TARE_TREE"
  run -0 tools/describe-api "$TARE_BUILD" --check
}
