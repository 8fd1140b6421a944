#!/usr/bin/env bats
# tare search: what is asked of whom, and how the answer is shown. The tests' registry has the search of Docker Hub's index.
load ../lib/common
load ../lib/registry

setup_file() { tare_setup_file; }
teardown_file() { tare_teardown_file; }
setup() {
  registry_client "$BATS_TEST_TMPDIR"
  mkdir -p "$(registry_dir)"
  cat >"$(registry_dir)/search.json" <<'END'
[ { "name": "box", "description": "The official\nimage", "star_count": 3000, "is_official": true, "is_automated": false },
  { "name": "team/box", "description": "A description of more than forty-five characters, which is cut", "star_count": 7, "is_official": false, "is_automated": true },
  { "name": "evil/box", "description": "\u001b[31mred", "star_count": 0 },
  { "name": "other", "description": null, "star_count": 1, "is_official": false } ]
END
}
teardown() { registry_stop; }
# Docker Hub's place is taken by the tests' registry
hub() { printf '[[registry]]\nprefix = "docker.io"\nlocation = "%s"\ninsecure = true\n' "$(registry)" >"$CONTAINERS_REGISTRIES_CONF"; }

@test "a word is asked of Docker Hub, or of what registries.conf has in its place: table, template, JSON" {
  registry_start; hub
  run -0 --separate-stderr tare search box
  [[ "${lines[0]}" =~ ^NAME\ +DESCRIPTION\ +STARS\ +OFFICIAL$ ]]
  [[ "${lines[1]}" =~ ^box\ +"The official image"\ +3000\ +"[OK]"$ ]]
  [[ "${lines[2]}" =~ ^team/box\ +"A description of more than forty-five charac…"\ +7$|^team/box\ +"A description of more than forty-five charac…"\ +7\ +$ ]]
  [[ "${lines[3]}" == evil/box*"?[31mred"* ]]
  [ ${#lines[@]} -eq 4 ]
  [ "$(tare search --format '{{.Name}} {{.StarCount}} {{.IsOfficial}}{{.IsAutomated}}' box | head -2)" = $'box 3000 [OK]\nteam/box 7 [OK]' ]
  [ "$(tare search --format json box | jq -c 'select(.Name == "box")')" = \
    '{"Name":"box","Description":"The official image","StarCount":"3000","IsOfficial":"true","IsAutomated":"false"}' ]
  [[ "$(tare search --no-trunc box)" == *", which is cut"* ]]
  [ "$(registry_count GET '^/v1/search[?]q=box&n=25$')" -ge 1 ]
  [ "$(tare search --format '{{.Description}}' other)" = "" ]
  tare search 'no such&n=3' | { ! grep -q box; }
}

@test "another registry, its login, --limit, library/" {
  registry_start --auth basic --user me:secret
  run ! tare search "$(registry)/box"
  [[ "$output" == *"tare login $(registry)"* ]]
  tare login -u me --password-stdin "$(registry)" <<<secret
  [ "$(tare search --limit 1 --format '{{.Name}}' "$(registry)/box")" = box ]
  registry_stop
  registry_start; hub
  [ "$(tare search --format '{{.Name}}' library/box | wc -l)" = 3 ]
}

@test "--filter: stars, is-official, is-automated; wrong ones are told before anybody is asked" {
  registry_start; hub
  [ "$(tare search --filter stars=7 --format '{{.Name}}' box | xargs)" = "box team/box" ]
  [ "$(tare search -f is-official=true --format '{{.Name}}' box)" = box ]
  [ "$(tare search -f is-official=false -f is-automated=true --format '{{.Name}}' box)" = team/box ]
  registry_log_clear
  run ! tare search -f colour=red box
  [[ "$output" == *"the keys are is-automated is-official stars" ]]
  run ! tare search -f stars=many box
  run ! tare search -f is-official=perhaps box
  run ! tare search --limit 0 box
  [[ "$output" == *"--limit 0: 1 to 100"* ]]
  run ! tare search --limit 101 box
  [ "$(registry_count GET '^/v1/search')" = 0 ]
}

@test "no search, no answer, no term: one line that says so" {
  rm "$(registry_dir)/search.json"
  registry_start; hub
  run -1 tare search box
  [[ "$output" == *"$(registry) has no search: Docker Hub has one"* ]]
  for answer in '"no JSON"' '"[]"' '"{\"results\":{}}"' '"{\"results\":[{\"name\":7}]}"' '"{\"results\":[{\"name\":\"x\",\"star_count\":-1}]}"'; do
    echo "$answer" >"$(registry_dir)/search.json"
    run -1 tare search box
    [[ "$output" == "tare: what $(registry) answers: "* ]] || { echo "$answer: $output"; return 1; }
  done
  for bad in '' "$(registry)/" 'https://example.com/box' '-x.example.com/box'; do
    run ! tare search -- "$bad"
    [[ "$output" == tare:* ]]
  done
  registry_stop
  run -1 tare search "127.0.0.1:1/box"
}
