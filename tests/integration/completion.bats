#!/usr/bin/env bats
# What shells complete: what the program answers, and each shell with its script.
load ../lib/common

setup_file() {
  tare_setup_file
  load_busybox
  tare tag busybox:latest team/app:1.2
  tare tag busybox:latest localhost:5000/box:latest
  tare create --name web busybox true >/dev/null
  tare create --name worker busybox true >/dev/null
  tare volume create wares >/dev/null
  export W=$BATS_FILE_TMPDIR/w PATH="$TARE_BIN:$PATH"
  mkdir -p "$W/folder" "$W/a b"; touch "$W/Dockerfile" "$W/Document:1" "$W/Döck:1" "$W/a b/c"
  tare completion bash >"$BATS_FILE_TMPDIR/script.bash"
}
teardown_file() { tare rm -f web worker >/dev/null; tare volume rm wares >/dev/null; tare_teardown_file; }

# ask WORD...: the candidates alone.
ask() { tare internal complete -- "$@" | cut -f1; }

# press LINE: what bash's completion gives for a line with the cursor at its end; readline's division of words is done here as
# readline does it: at blanks, and each run of :, = or @ is a word.
press() {
  (cd "$W" && bash -c '
    source "$1"; COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=() rest=$2
    while [[ $rest ]]; do
      if [[ $rest =~ ^[[:space:]]+ ]]; then rest=${rest:${#BASH_REMATCH}}; [[ $rest ]] || COMP_WORDS+=("")
      else [[ $rest =~ ^([:=@]+|([^[:space:]:=@\\]|\\.)+) ]]; COMP_WORDS+=("$BASH_REMATCH"); rest=${rest:${#BASH_REMATCH}}; fi
    done
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    compopt() { :; }
    _tare
    printf "%s\n" "${COMPREPLY[@]}"' bash "$BATS_FILE_TMPDIR/script.bash" "$1")
}

@test "commands, subcommands and options come from the tables; what is hidden or refused does not" {
  [ "$(ask comm)" = commit ]
  [ "$(ask image tr)" = tree ]
  diff <(ask image '') <(tare image --help | sed -n '/^Commands:$/,/^$/s/^  \([a-z]*\) .*/\1/p')
  diff <(ask build --) <(tare build --help | sed -n '/^Options:$/,$s/^  \(    \|-., \)\(--[a-z0-9-]*\).*/\2/p')
  [[ "$(tare internal complete -- pull --qu)" = $'--quiet\tno progress: only the image\'s name' ]]
  run -0 ask int; [ -z "$output" ]       # internal
  run -0 ask build --anno; [ -z "$output" ] # refused
  run -0 ask build --comp; [ -z "$output" ] # without effect
  run -0 ask nonsense ''; [ -z "$output" ]
  [[ "$(ask --)" == *--root*--state*--help*--version* ]]
}

@test "values: choices, as a word of their own and behind =; things; files" {
  [ "$(ask build --progress '' | tr '\n' ' ')" = 'auto plain tty json quiet ' ]
  [ "$(ask build --progress=p)" = --progress=plain ]
  [ "$(ask completion '' | tr '\n' ' ')" = 'bash zsh fish ' ]
  [ "$(ask run --pull a)" = always ]
  mkdir "$BATS_TEST_TMPDIR/cni"; echo '{"cniVersion": "1.0.0", "name": "podnet", "plugins": [{"type": "bridge"}]}' >"$BATS_TEST_TMPDIR/cni/x.conflist"
  [ "$(TARE_CNI_CONF_DIR=$BATS_TEST_TMPDIR/cni ask run --network '' | tr '\n' ' ')" = 'bridge podnet none host container: ' ]
  [ "$(ask network connect '')" = bridge ]
  tare volume create seen >/dev/null
  [ "$(ask volume rm se)" = seen ]
  # volumes beside files, and what comes behind them
  [ "$(ask run -v se)" = $'seen:\n:files' ]
  [ "$(ask run --volume=se)" = $'--volume=seen:\n:files' ]
  [ "$(ask run --mount '' | tr '\n' ' ')" = 'type= source= target= ' ]
  [ "$(ask run --mount type=v)" = type=volume ]
  [ "$(ask run --mount type=volume, | tr '\n' ' ')" = 'type=volume,source= type=volume,target= ' ]
  [ "$(ask run --mount type=volume,source=se | tr '\n' ' ')" = 'type=volume,source=seen :files ' ]
  [ "$(ask run --mount=type=volume,source=se | head -1)" = --mount=type=volume,source=seen ]
  run -0 ask run --mount type=volume,target=/; [ -z "$output" ]
  [ "$(ask cp we)" = $'web:\n:files' ]
  tare volume rm seen >/dev/null
  [ "$(ask run --network container:we)" = container:web ]
  [ "$(ask run --network=container:we)" = --network=container:web ]
  [ "$(ask run --detach=t)" = --detach=true ]
  [ "$(tare internal complete -- build -f '')" = $':files\t' ]
  [ "$(tare internal complete -- build --file=D)" = $':files\t--file=' ]
  [ "$(tare internal complete -- --root '')" = $':folders\t' ]
  [[ "$(tare internal complete -- build .)" == :files* ]]
  run -0 ask build . ''; [ -z "$output" ] # one is all it takes
}

@test "filters: keys, then what each can be" {
  [ "$(ask ps --filter '' | tr '\n' ' ')" = "ancestor= before= exited= expose= health= id= label= name= network= publish= since= status= volume= " ]
  [ "$(ask ps -a -f sta)" = status= ]
  [ "$(ask ps --filter status=r | tr '\n' ' ')" = 'status=restarting status=running ' ]
  [ "$(ask ps --filter=status=run)" = --filter=status=running ]
  [ "$(ask ps --filter name=wo)" = name=worker ]
  [ "$(ask ps --filter volume=wa)" = volume=wares ]
  [ "$(ask ps --filter ancestor=te)" = ancestor=team/app:1.2 ]
  [ "$(ask events --filter type= | tr '\n' ' ')" = 'type=container type=image type=network type=volume type=builder ' ]
  [ "$(ask events -f event=exec_d | tr '\n' ' ')" = 'event=exec_detach event=exec_die ' ]
  [ "$(ask volume ls --filter dangling=t)" = dangling=true ]
  [ "$(ask system prune --filter l | tr '\n' ' ')" = 'label= label!= ' ]
  run -0 ask ps --filter label=; [ -z "$output" ]
  # each key that is offered is one that the command takes
  local key
  for key in $(ask images --filter ''); do run tare images --filter "${key}busybox"; [[ "$output" != *"the keys are"* ]]; done
  for key in $(ask network ls --filter ''); do run tare network ls --filter "${key}x"; [[ "$output" != *"the keys are dangl"* || "$key" = type= ]]; done
}

@test "signals, and commands to be told about" {
  [ "$(ask kill -s K)" = KILL ]
  [ "$(ask kill --signal=SIGUS | tr '\n' ' ')" = '--signal=SIGUSR1 --signal=SIGUSR2 ' ]
  [ "$(ask kill -s '' | wc -l)" -gt 25 ]
  [ "$(ask stop -s WIN)" = WINCH ]
  [ "$(ask help inspe)" = inspect ]
  [ "$(ask help net | tr '\n' ' ')" = 'networking network ' ]
  [ "$(ask help image tr)" = tree ]
  run -0 ask help ps ''; [ -z "$output" ]
  run -0 ask exec web kil; [ -z "$output" ]
}

@test "arguments: containers and images where the usage names them, each at its place" {
  [ "$(ask start '' | tr '\n' ' ')" = 'web worker ' ]
  [ "$(ask stop web w | tr '\n' ' ')" = 'web worker ' ] # CONTAINER...
  [ "$(ask -- stop -t 5 wo)" = worker ]
  [ "$(ask run te)" = team/app:1.2 ]
  [ "$(ask run -it --name x te)" = team/app:1.2 ]
  run -0 ask run busybox -; [ -z "$output" ] # the container's command, no option of ours
  run -0 ask run busybox ''; [ -z "$output" ]
  [ "$(ask rename wo)" = worker ]
  run -0 ask rename worker w; [ -z "$output" ]
  [ "$(ask inspect '' | sort | tr '\n' ' ')" = 'bridge busybox:latest localhost:5000/box:latest team/app:1.2 wares web worker ' ]
  [ "$(ask inspect web w | tr '\n' ' ')" = 'web worker wares ' ]
  [ "$(ask image inspect te)" = team/app:1.2 ]
  [ "$(ask image umount bu | tr '\n' ' ')" = 'busybox:latest :folders ' ]
  [[ "$(ask image mount busybox '')" == :folders* ]]
  [ "$(ask tag busybox te)" = team/app:1.2 ]
  [ "$(ask rm -- we)" = web ]
  [[ "$(tare internal complete -- start web)" = $'web\tcreated, of '* ]]
}

@test "what cannot be read is not offered: no error, nothing made, nothing locked" {
  run -0 --separate-stderr tare internal complete -- --root "$BATS_TEST_TMPDIR/none" start ''
  [ -z "$output$stderr" ]; [ ! -e "$BATS_TEST_TMPDIR/none" ]
  mkdir "$BATS_TEST_TMPDIR/empty"
  run -0 --separate-stderr tare internal complete -- "--root=$BATS_TEST_TMPDIR/empty" start ''
  [ -z "$output$stderr" ]; [ -z "$(ls "$BATS_TEST_TMPDIR/empty")" ]
  mkdir "$BATS_TEST_TMPDIR/bad"; head -c 5000 /dev/urandom | tee "$BATS_TEST_TMPDIR/bad/catalog.db" "$BATS_TEST_TMPDIR/bad/catalog.db-wal" >"$BATS_TEST_TMPDIR/bad/catalog.db-shm"
  run -0 --separate-stderr tare internal complete -- "--root=$BATS_TEST_TMPDIR/bad" start ''
  [ -z "$output$stderr" ]
  # a writer at work keeps nobody waiting
  exec 9>>"$TARE_ROOT/catalog.lock"; flock 9
  [ "$(timeout 10 "$TARE_BIN/tare" internal complete -- start wo | cut -f1)" = worker ]
  exec 9>&-
  # all but the memory that SQLite's readers count themselves in
  find "$TARE_ROOT" ! -name '*-shm' -printf '%p %s %T@\n' | sort >"$BATS_TEST_TMPDIR/before"
  ask start '' >/dev/null
  find "$TARE_ROOT" ! -name '*-shm' -printf '%p %s %T@\n' | sort | diff "$BATS_TEST_TMPDIR/before" -
}

@test "bash: commands, options, choices, containers, files; words with : and = are whole" {
  [ "$(press 'tare comm')" = commit ]
  [ "$(press 'tare image tr')" = tree ]
  [ "$(press 'tare image ls --no-t')" = --no-trunc ]
  [ "$(press 'tare build --progress pl')" = plain ]
  [ "$(press 'tare build --progress=pl')" = plain ] # readline replaces what stands behind the =
  [ "$(press 'tare build --progress=' | wc -l)" -eq 5 ]
  [ "$(press 'tare start wo')" = worker ]
  [ "$(press 'tare run team/')" = team/app:1.2 ]
  [ "$(press 'tare run team/app:1')" = 1.2 ]
  [ "$(press 'tare run team/app:')" = 1.2 ]
  [ "$(press 'tare run localhost:50')" = 5000/box:latest ]
  [ "$(press 'tare run localhost:5000/box:')" = latest ]
  [ "$(press 'tare run --network=container:wo')" = worker ]
  [ "$(press 'tare build -f Dockerf')" = Dockerfile ]
  [ "$(press 'tare build --file=Dockerf')" = Dockerfile ]
  [ "$(press 'tare build -f Document:')" = 1 ]
  [ "$(press 'tare build fold')" = folder ]
  [ "$(press 'tare image mount busybox D')" = '' ] # a folder is asked for
  [ "$(press 'tare image mount busybox fo')" = folder ]
  [ "$(press '/usr/local/bin/tare start we')" = web ]
  run -0 press 'tare nonsense x'; [ -z "$output" ]
}

@test "bash: words that are read are data" {
  touch "$W/hurt"
  # shellcheck disable=SC2016
  run -0 press 'tare start $(rm\ hurt)'
  run -0 press 'tare start `rm\ hurt`'
  run -0 press 'tare start --filter=$(rm${IFS}hurt)'
  [ -e "$W/hurt" ]; rm "$W/hurt"
}

# What is typed, with ^ for the key, and how the line begins then.
typed='tare star^wor^ | tare start worker
tare image tr^ | tare image tree
tare run team/app:^ | tare run team/app:1.2
tare run localhost:5000/b^ | tare run localhost:5000/box:latest
tare build --progress=q^ | tare build --progress=quiet
tare build --file=Dockerf^ | tare build --file=Dockerfile
tare build fol^ | tare build folder/
tare build a^ | tare build a\ b/
tare build "fol^ | tare build "folder/
tare build a\ b/^ | tare build a\ b/c
tare build -f Döck:^ | tare build -f Döck:1
tare run --network=container:wo^ | tare run --network=container:worker
tare-oci spec --bun^ | tare-oci spec --bundle'

@test "bash itself, on a terminal, with the key that completes" {
  run -0 python3 "$BATS_TEST_DIRNAME/../lib/press_tab.py" bash "$BATS_FILE_TMPDIR/script.bash" "$W" <<<"$typed
tare run -v wa^/x | tare run -v wares:/x
tare run --mount type=volume,sou^wa^ | tare run --mount type=volume,source=wares"
}

@test "zsh: the same by its script" {
  command -v zsh >/dev/null || skip "no zsh"
  tare completion zsh >"$BATS_TEST_TMPDIR/_tare"
  zsh -n "$BATS_TEST_TMPDIR/_tare"
  run -0 python3 "$BATS_TEST_DIRNAME/../lib/press_tab.py" zsh "$BATS_TEST_TMPDIR/_tare" "$W" <<<"$typed"
}

@test "fish: the same by its script" {
  command -v fish >/dev/null || skip "no fish"
  tare completion fish >"$BATS_TEST_TMPDIR/tare.fish"
  fish -n "$BATS_TEST_TMPDIR/tare.fish"
  press_fish() { (cd "$W" && HOME=$BATS_TEST_TMPDIR fish --no-config -c "source '$BATS_TEST_TMPDIR/tare.fish'; complete -C '$1'" | cut -f1); }
  [ "$(press_fish 'tare comm')" = commit ]
  [ "$(press_fish 'tare image tr')" = tree ]
  [ "$(press_fish 'tare start wo')" = worker ]
  [ "$(press_fish 'tare run team/app:')" = team/app:1.2 ]
  [ "$(press_fish 'tare build --progress=pl')" = --progress=plain ]
  [ "$(press_fish 'tare build --file=Dockerf')" = --file=Dockerfile ]
  [ "$(press_fish 'tare build fold')" = folder/ ]
}

@test "tare-oci: its commands, options and containers" {
  oci() { "$TARE_BIN/tare-oci" internal complete -- "$@" | cut -f1; }
  mkdir -p "$BATS_TEST_TMPDIR/state/one" "$BATS_TEST_TMPDIR/state/two"
  [ "$(oci --root "$BATS_TEST_TMPDIR/state" state tw)" = two ]
  [ "$(oci --root="$BATS_TEST_TMPDIR/state" kill '' | tr '\n' ' ')" = 'one two ' ]
  [ "$(oci --root "$BATS_TEST_TMPDIR/none" state '')" = '' ]
  [ "$(oci --log-format '' | tr '\n' ' ')" = 'text json ' ]
  [ "$(oci mounts '' | tr '\n' ' ')" = 'add remove ' ]
  [ "$(oci run --bun)" = --bundle ]
  [ "$(press 'tare-oci spec --roo')" = --rootless ]
}

@test "tare completion: a shell that there is none for" {
  run -1 --separate-stderr tare completion tcsh
  [[ "$stderr" == *"tcsh: no completion for that shell, only for bash, zsh and fish"* ]]
}
