#!/usr/bin/env bats
# Images over Docker's Engine API, as curl has them: statuses, streams, and what is there afterwards for tare.
load ../lib/common
load ../lib/registry
load ../lib/tared

setup_file() { tare_setup_file; registry_start; DOCKER_CONFIG=$BATS_FILE_TMPDIR/kept start_tared; busybox_archive >/dev/null; }
teardown_file() { stop_tared; registry_stop; tare_teardown_file; }
setup() { registry_test_setup t; }
teardown() {
  registry_test_teardown
  tare ps -aq | xargs -r "$TARE_BIN/tare" rm -f >/dev/null
}
image() { registry_image "t$BATS_TEST_NUMBER:${1:-1}" "${@:2}" >/dev/null; }
load_image() { api_is 200 POST "/v1.41/images/load?quiet=1" --data-binary "@$(busybox_archive)" >/dev/null; }
is_empty() { [ -z "$(tare images -q)" ]; }
auth() { printf '{"username":"%s","password":"%s"}' "$1" "$2" | basenc -w0 --base64url; } # as clients encode it

@test "load: an archive in a body, with and without a length; its layers are told of unless it is quiet" {
  run -0 api_is 200 POST /images/load --data-binary "@$(busybox_archive)"
  [[ "$output" == *'"status":"Loading layer","progressDetail":{"current":'*'{"stream":"Loaded image: busybox:latest\n"}'$'\r' ]]
  [ "$(tare run --rm busybox echo hello)" = hello ]
  run -0 api_is 200 POST "/v1.24/images/load?quiet=True" -H 'Transfer-Encoding: chunked' --data-binary "@$(busybox_archive)"
  [ "$output" = '{"stream":"Loaded image: busybox:latest\n"}'$'\r' ]
  head -c 100000 "$(busybox_archive)" >"$BATS_TEST_TMPDIR/cut"
  run -0 api POST /images/load --data-binary "@$BATS_TEST_TMPDIR/cut"
  [ "$(cat "$BATS_TEST_TMPDIR/status")" = 200 ] # as dockerd says it: in the stream
  [[ "$output" == '{"errorDetail":{"message":"'*'"},"error":"'*'"}'* ]]
}

@test "tag, save, remove: what Docker answers, and what is said of an image that is not there" {
  load_image
  api_is 201 POST "/images/busybox/tag?repo=$NAME&tag=1"
  api_is 201 POST "/images/$NAME:1/tag?repo=other"
  [ "$(api_is 404 POST "/images/nope:9/tag?repo=x")" = '{"message":"No such image: nope:9"}' ]
  run -0 api_is 400 POST "/images/busybox/tag?repo=UPPER"
  api_is 200 GET "/images/get?names=busybox&names=$NAME:1" -o "$BATS_TEST_TMPDIR/all.tar"
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/all.tar" manifest.json | jq -c '[.[].RepoTags[]] | sort')" = "[\"$NAME:1\",\"busybox:latest\"]" ]
  api_is 200 GET "/images/$NAME:1/get" -o "$BATS_TEST_TMPDIR/one.tar"
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/one.tar" manifest.json | jq -r '.[].RepoTags[]')" = "$NAME:1" ]
  [ "$(api_is 404 GET "/images/get?names=busybox&names=nope")" = '{"message":"No such image: nope:latest"}' ]
  api_is 404 GET '/images/get?names=busybox&platform={"os":"linux","architecture":"s390x"}' | grep -q s390x
  api_is 400 GET /images/get
  api_is 404 DELETE "/images/$NAME:1?platforms={\"architecture\":\"s390x\"}" | grep -q s390x
  [ "$(api_is 200 DELETE "/images/$NAME:1")" = "[{\"Untagged\":\"$NAME:1\"}]" ]
  id=$(tare inspect -f '{{.Id}}' busybox)
  run -0 api_is 409 DELETE "/images/${id#sha256:}"
  [[ "$output" == '{"message":"conflict: unable to delete '*'(must be forced)'* ]]
  [ "$(api_is 200 DELETE "/images/$id?force=1" | jq -c 'map(keys[0]) | sort')" = '["Deleted","Untagged","Untagged"]' ]
  is_empty
  [ "$(api_is 404 DELETE /images/busybox)" = '{"message":"No such image: busybox:latest"}' ]
}

@test "save: a client that does not read keeps neither an image here nor its blobs, and gets them all" {
  cd "$BATS_TEST_TMPDIR"
  image 1 20000000
  tare pull -q "$NAME:1" >/dev/null
  n=$(find "$TARE_ROOT/content/blobs" -type f | wc -l)
  api_stalled "/images/$NAME:1/get" go >got 3>&- &
  wait_until 5 kept
  timeout 20 flock "$TARE_ROOT/ingest/load.lock" true
  timeout 20 "$TARE_BIN/tare" rmi "$NAME:1"
  [ "$(find "$TARE_ROOT/content/blobs" -type f | wc -l)" -lt "$n" ]
  touch go; wait $!; [ "$(cat got)" = whole ]
  is_empty
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -type d)" ]
}

kept() { [ -n "$(find "$TARE_ROOT/ingest" -path '*/blobs/*')" ]; }

@test "remove: the image of a container stays" {
  load_image
  tare create --name user busybox true
  run -0 api_is 409 DELETE /images/busybox
  [[ "$output" == '{"message":"conflict: unable to delete busybox (must be forced)'*user* ]]
  tare rm user
  api_is 200 DELETE /images/busybox
}

@test "prune: what has no name; with dangling=false all that nobody uses; filters" {
  load_image
  api_is 200 POST "/images/create?fromSrc=-&repo=named" --data-binary "@$(busybox_archive)"
  api_is 200 POST "/images/create?fromSrc=-&repo=named&changes=LABEL%20a=b" --data-binary "@$(busybox_archive)"
  run -0 api_is 200 POST /images/prune
  [ "$(jq -c '[(.ImagesDeleted | length), (.ImagesDeleted[0] | keys[0])]' <<<"$output")" = '[1,"Deleted"]' ]
  [ "$(jq '.SpaceReclaimed' <<<"$output")" -ge 0 ]
  [ "$(api_is 200 POST /images/prune)" = '{"ImagesDeleted":null,"SpaceReclaimed":0}' ]
  api_is 200 POST '/images/prune?filters={"dangling":["false"],"label":{"a=b":true}}' | jq -e '.ImagesDeleted | length == 2'
  [ "$(tare images --format '{{.Repository}}')" = busybox ]
  api_is 400 POST '/images/prune?filters={"nonsense":["1"]}'
  api_is 200 POST '/images/prune?filters={"dangling":{"false":true}}' | jq -e '.SpaceReclaimed > 1000000'
  is_empty
}

@test "import: from a body with what it changes, from a URL" {
  mkdir "$BATS_TEST_TMPDIR/web"
  tar -cf "$BATS_TEST_TMPDIR/web/root.tar" -C "$BATS_TEST_DIRNAME" api-images.bats
  run -0 api_is 200 POST "/images/create?fromSrc=-&repo=$NAME&tag=2&message=why&changes=ENV%20A=b%0ACMD%20%5B%22x%22%5D&changes=USER%205" \
    --data-binary "@$BATS_TEST_TMPDIR/web/root.tar"
  [ "$output" = "{\"status\":\"$(tare inspect -f '{{.Id}}' "$NAME:2")\"}"$'\r' ]
  [ "$(tare inspect -f '{{json .Config.Env}} {{json .Config.Cmd}} {{.Config.User}} {{.Comment}}' "$NAME:2")" = '["A=b"] ["x"] 5 why' ]
  api_is 400 POST "/images/create?fromSrc=-&changes=RUN%20x" --data-binary "@$BATS_TEST_TMPDIR/web/root.tar"
  api_is 400 POST "/images/create?fromSrc=ftp://x/y"
  (cd "$BATS_TEST_TMPDIR/web" && exec /usr/bin/python3 -u -m http.server --bind 127.0.0.1 0) >"$BATS_TEST_TMPDIR/web.log" 2>&1 3>&- &
  web=$!
  wait_until 10 grep -q 'port [1-9]' "$BATS_TEST_TMPDIR/web.log"
  at=127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$BATS_TEST_TMPDIR/web.log")
  run -0 api_is 200 POST "/images/create?fromSrc=$at/root.tar"
  missing=$(api POST "/images/create?fromSrc=http://$at/nope.tar")
  kill "$web"
  [[ "$output" == "{\"status\":\"Downloading from http://$at/root.tar\"}"$'\r\n''{"status":"sha256:'*'"}'$'\r' ]]
  [[ "$missing" == *'{"errorDetail":{"message":"'*'"},"error":"'*'404'*'"}'$'\r' ]]
}

@test "a body that is cut off between two members of its tar is no image: import, build" {
  cd "$BATS_TEST_TMPDIR"
  printf 'FROM scratch\nCOPY . /\n' >Dockerfile
  tar_members cut.tar Dockerfile
  api_cut POST "/images/create?fromSrc=-&repo=half" cut.tar | grep -q 'did not come whole'
  api_cut POST "/build?t=half" cut.tar | grep -q 'did not come whole'
  is_empty
  api_is 200 POST "/build?t=all" -H 'Content-Type: application/x-tar' --data-binary @cut.tar
  api_is 200 POST "/images/create?fromSrc=-&repo=all&tag=2" --data-binary @cut.tar
}

@test "build: whatever the Dockerfile is called, it is a file of the context" {
  cd "$BATS_TEST_TMPDIR"
  printf 'FROM scratch\nLABEL a=b\n' >./-
  tar cf context.tar ./-
  api_is 200 POST '/build?t=dash&dockerfile=-' -H 'Content-Type: application/x-tar' --data-binary @context.tar
  [ "$(tare inspect -f '{{.Config.Labels.a}}' dash)" = b ]
  for name in no http://127.0.0.1:1/x /etc/passwd ../../etc/passwd; do
    api_is 404 POST "/build?dockerfile=$name" -H 'Content-Type: application/x-tar' --data-binary @context.tar | grep -q 'No such file' || { echo "$name"; return 1; }
  done
  tare rmi dash >/dev/null
}

@test "build: steps that write nothing are of the cache, too, and an image is as old as the first build of it" {
  load_image
  cd "$BATS_TEST_TMPDIR"
  printf 'FROM busybox\nENV A=1\nRUN echo a >/a\nLABEL l=1\n' >Dockerfile
  tar cf context.tar Dockerfile
  built() { api_is 200 POST "/build?t=$1&$2" -H 'Content-Type: application/x-tar' --data-binary @context.tar | jq -r .stream | grep -c 'Using cache'; }
  of() { tare inspect -f "{{.$2}}" "$1"; }
  taken() { tare system df --format json | jq -r 'select(.Type | test("Images|Cache")).Size' | xargs; }
  tare builder prune -af >/dev/null # of the tests before
  local begun before; begun=$(date +%s) before=$(taken)
  run built dated:1; [ "$output" = 0 ]
  local made; made=$(date -d "$(of dated:1 Created)" +%s)
  [ "$made" -ge "$begun" ] && [ "$made" -le "$(date +%s)" ]
  [ "$(tare history --format '{{.CreatedSince}}' dated:1 | head -n 3 | grep -vc second)" = 0 ]
  run -0 built dated:2; [ "$output" = 3 ]
  [ "$(of dated:1 Id)" = "$(of dated:2 Id)" ]
  # only what the images have that are named as the cache; one that is not here has nothing
  run -0 built dated:3 'cachefrom=["dated:1"]'; [ "$output" = 3 ]
  # what only says when it was keeps nothing
  tare rmi dated:1 dated:2 dated:3 >/dev/null
  tare builder prune -af >/dev/null
  [ -z "$(tare builder du -q)" ]
  [ "$(taken)" = "$before" ] || { echo "$before; now $(taken)"; false; }
  run built dated:1; [ "$output" = 0 ]
  run built dated:4 'cachefrom=["nosuch:1"]'; [ "$output" = 0 ]
  run built dated:5 nocache=1; [ "$output" = 0 ]
  [ "$(of dated:5 Id)" != "$(of dated:1 Id)" ]
  sed -i 's/l=1/l=2/' Dockerfile; tar cf context.tar Dockerfile
  run -0 built dated:6; [ "$output" = 2 ]
  # whoever says the time has the same image each time
  for n in 7 8; do run built "dated:$n" 'nocache=1&buildargs={"SOURCE_DATE_EPOCH":"1000000000"}'; done
  [ "$(of dated:7 Created) $(of dated:7 Id)" = "2001-09-09T01:46:40.000000000Z $(of dated:8 Id)" ]
}

@test "build: what a command says on its standard error is red" {
  load_image
  cd "$BATS_TEST_TMPDIR"
  printf 'FROM busybox\nRUN echo said; sleep 0.2; echo erred >&2\n' >Dockerfile
  tar cf context.tar Dockerfile
  api_is 200 POST /build?nocache=1 -H 'Content-Type: application/x-tar' --data-binary @context.tar | tr -d '\r' | jq -r '.stream // empty | tojson' >said
  grep -qxF '"said\n"' said
  grep -qxF '"\u001b[91merred\n\u001b[0m"' said
}

@test "pull: the words of the stream, in order; what is here; what is not" {
  image 1 3000 5000
  run -0 api_is 200 POST "/v1.41/images/create?fromImage=$NAME&tag=1"
  words=$(tr -d '\r' <<<"$output" | jq -r '.status' | sed 's/sha256:.*/DIGEST/' | uniq)
  [[ "$words" == "Pulling from t$BATS_TEST_NUMBER"$'\n'"Pulling fs layer"*"Downloading"*"Verifying Checksum"*"Download complete"*"Extracting"*"Pull complete"$'\n'"Digest: DIGEST"$'\n'"Status: Downloaded newer image for $NAME:1" ]]
  tr -d '\r' <<<"$output" | jq -es '.[0].id == "1"'
  tr -d '\r' <<<"$output" | jq -es 'map(select(.status == "Downloading")) | all(.progressDetail.total > 2000 and (.progress | startswith("[")) and (.id | length == 12))'
  run -0 api_is 200 POST "/v1.41/images/create?fromImage=$NAME:1"
  [ "$(tr -d '\r' <<<"$output" | jq -r '.status' | tail -n 1)" = "Status: Image is up to date for $NAME:1" ]
  [ "$(wc -l <<<"$output")" = 3 ]
  run -0 api_is 404 POST "/images/create?fromImage=$NAME&tag=nope"
  [[ "$output" == '{"message":"manifest for '"$NAME"':nope not found: '* ]]
  digest=$(tare inspect -f '{{index .RepoDigests 0}}' "$NAME:1")
  run -0 api_is 200 POST "/images/create?fromImage=$NAME&tag=${digest#*@}"
  api_is 400 POST "/images/create?fromImage=UPPER"
  api_is 400 POST "/images/create?fromImage="
}

@test "pull: without a tag all of them" {
  image 1 3000; image 2 4000
  api_is 200 POST "/images/create?fromImage=$NAME"
  [ "$(tare images --format '{{.Tag}}' "$NAME" | sort | xargs)" = "1 2" ]
}

@test "pull: what goes wrong half way is an error of the stream" {
  image 1 3000000
  registry_fault wrong-bytes GET /blobs/ at=2000000 nth=2 times=9
  run -0 api_is 200 POST "/images/create?fromImage=$NAME:1"
  [[ "$output" == *'"Pulling fs layer"'*'{"errorDetail":{"message":"'*'"},"error":"'*'"}'$'\r' ]]
  is_empty
  registry_faults_clear
  api_is 200 POST "/images/create?fromImage=$NAME:1"
}

@test "push: the words, the digest; what is not here; all tags of a repository" {
  load_image
  api_is 201 POST "/images/busybox/tag?repo=$NAME&tag=1"
  run -0 api_is 200 POST "/v1.41/images/$NAME/push?tag=1" -H "X-Registry-Auth: $(auth a b)"
  digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$NAME:1")
  [ "$(tr -d '\r' <<<"$output" | jq -r 'select(.status) | .status' | grep -v '^Pushing$' | xargs -d '\n' printf '%s|')" = \
    "The push refers to repository [$NAME]|Preparing|Waiting|Pushed|1: digest: $digest size: $(tr -d '\r' <<<"$output" | jq .aux.Size | tail -n 1)|" ]
  [ "$(tr -d '\r' <<<"$output" | jq -c 'select(.aux) | [.aux.Tag, .aux.Digest]')" = "[\"1\",\"$digest\"]" ]
  api_is 201 POST "/images/busybox/tag?repo=$NAME&tag=2"
  run -0 api_is 200 POST "/v1.41/images/$NAME/push"
  [ "$(tr -d '\r' <<<"$output" | jq -r 'select(.aux) | .aux.Tag' | xargs)" = "1 2" ]
  [[ "$output" == *'"Layer already exists"'* ]]
  run -0 api_is 200 POST "/images/$NAME/push?tag=9"
  [[ "$output" == *'"error":"An image does not exist locally with the tag: '"$NAME"'"}'$'\r' ]]
  api_is 400 POST "/images/$NAME/push?tag=1" -H 'X-Registry-Auth: %%%'
  [ "$(api_is 200 GET "/distribution/$NAME:1/json" | jq -c '[.Descriptor.digest, .Platforms[0].os]')" = "[\"$digest\",\"linux\"]" ]
}

@test "logins come with the request, are asked of the registry, and are kept nowhere" {
  registry_start -n safe --auth token --user maria:qu1te-s3cret
  safe=$(registry safe)
  load_image
  api_is 201 POST "/images/busybox/tag?repo=$safe/x&tag=1"
  run -0 api_is 200 POST "/images/$safe/x/push?tag=1"
  [[ "$output" == *'"error":"'* ]]
  run -0 api_is 200 POST "/images/$safe/x/push?tag=1" -H "X-Registry-Auth: $(auth maria qu1te-s3cret)"
  [[ "$output" == *'"aux":'* ]]
  run -0 api_is 404 POST "/images/create?fromImage=$safe/x&tag=1"
  [[ "$output" == '{"message":"pull access denied for '"$safe"'/x, repository does not exist or may require '*docker\ login* ]]
  api_is 200 POST "/images/create?fromImage=$safe/x&tag=1" -H "X-Registry-Auth: $(auth maria qu1te-s3cret)"
  run -0 api_is 404 POST "/images/create?fromImage=$safe/x&tag=1" -H "X-Registry-Auth: $(auth maria wrong)"
  run -0 api_is 200 POST /auth -H 'Content-Type: application/json' -d "{\"username\":\"maria\",\"password\":\"qu1te-s3cret\",\"serveraddress\":\"$safe\"}"
  [ "$(jq -r .Status <<<"$output")" = "Login Succeeded" ]
  run -0 api_is 401 POST /auth -H 'Content-Type: application/json' -d "{\"username\":\"maria\",\"password\":\"wrong\",\"serveraddress\":\"$safe\"}"
  [[ "$output" == '{"message":"unauthorized: '* ]]
  api_is 401 GET "/distribution/$safe/x:1/json"
  api_is 200 GET "/distribution/$safe/x:1/json" -H "X-Registry-Auth: $(auth maria qu1te-s3cret)"
  tare rmi "$safe/x:1"
  run ! grep -rl qu1te-s3cret "$TARE_ROOT" "$TARE_STATE"
}

@test "search: as whom the client says, and never as whom the server's own user is known" {
  registry_start -n hub --auth basic --user maria:qu1te-s3cret
  local hub; hub=$(registry hub)
  echo '[{"name":"box","star_count":1}]' >"$(registry_dir hub)/search.json"
  DOCKER_CONFIG=$BATS_FILE_TMPDIR/kept login_file "$hub" maria:qu1te-s3cret
  [ "$(DOCKER_CONFIG=$BATS_FILE_TMPDIR/kept tare search --format '{{.Name}}' "$hub/box")" = box ]
  api GET "/images/search?term=$hub/box"
  [ "$(cat "$BATS_TEST_TMPDIR/status")" != 200 ]
  [ "$(api_is 200 GET "/images/search?term=$hub/box" -H "X-Registry-Auth: $(auth maria qu1te-s3cret)" | jq -r '.[].name')" = box ]
}

@test "a client that goes away ends its pull, and the next one has what it needs" {
  image 1 3000000
  registry_fault stall GET /blobs/ after=100000 seconds=30 times=9
  run -28 curl -sS --max-time 1 --unix-socket "$SOCKET" -X POST "http://docker/images/create?fromImage=$NAME:1"
  wait_until 5 nobody_transfers
  is_empty
  registry_faults_clear
  api_is 200 POST "/images/create?fromImage=$NAME:1"
  [ "$(tare images -q | wc -l)" = 1 ]
}
nobody_transfers() { [ -z "$(pgrep -P "$(pgrep -d, -P "$TARED_PID" || echo 1)" -x tare-transfer)" ] && [ -z "$(pgrep -P "$TARED_PID")" ]; }

@test "commit: what a container wrote, with changes and a configuration" {
  load_image
  tare run --name made busybox sh -c 'echo there >/file'
  run -0 api_is 201 POST "/commit?container=made&repo=$NAME&tag=1&author=me&comment=why&changes=ENV%20A=b"
  [ "$(jq -r .Id <<<"$output")" = "$(tare inspect -f '{{.Id}}' "$NAME:1")" ]
  [ "$(tare run --rm "$NAME:1" cat /file)" = there ]

    [[ "$(tare inspect -f '{{.Author}} {{.Comment}} {{json .Config.Env}}' "$NAME:1")" == 'me why ['*'"A=b"]' ]]
  api_is 201 POST "/commit?container=made&repo=$NAME&tag=2" -H 'Content-Type: application/json' \
    -d '{"Cmd":["a","b c"],"Env":["X=a \"q\" $z\\"],"Labels":{"l 1":"v\"2"},"ExposedPorts":{"80/tcp":{}},"User":"5","WorkingDir":"/w","Volumes":null}'
  [ "$(tare inspect -f '{{json .Config.Cmd}} {{.Config.User}} {{.Config.WorkingDir}} {{json .Config.ExposedPorts}} {{json .Config.Labels}}' "$NAME:2")" = \
    '["a","b c"] 5 /w {"80/tcp":{}} {"l 1":"v\"2"}' ]
  tare inspect "$NAME:2" | jq -e '.[0].Config.Env | index("X=a \"q\" $z\\")'
  [ "$(tare inspect -f '{{.Parent}}' "$NAME:2")" = "$(tare inspect -f '{{.Image}}' made)" ]
  [ "$(api_is 200 GET "/images/json?all=1" | jq -r --arg n "$NAME:2" '.[] | select(.RepoTags | index($n)) | .ParentId')" = "$(tare inspect -f '{{.Image}}' made)" ]
  # whatever stands in it is that, and no part of an instruction
  api_is 201 POST "/commit?container=made&repo=$NAME&tag=3&changes=ENV%20Z=%24A" -H 'Content-Type: application/json' \
    -d '{"User":"a b$HOME\"q","WorkingDir":"/a b/$c \"x\\","Volumes":{"/v w":{},"/$x":{}},"ExposedPorts":{"80":{},"90-91/udp":{}},"StopSignal":"USR1",
      "Env":["A=$PATH","PATH"],"Healthcheck":{"Test":["CMD","$x"],"Interval":5},"OnBuild":["RUN a $b"],"Shell":["/s h"],"StopTimeout":7,"Cmd":["$x"]}'
  tare inspect "$NAME:3" | jq -e '.[0].Config | .User == "a b$HOME\"q" and .WorkingDir == "/a b/$c \"x\\" and .Volumes == {"/v w":{},"/$x":{}} and
    .ExposedPorts == {"80/tcp":{},"90/udp":{},"91/udp":{}} and .StopSignal == "USR1" and .Env == ["A=$PATH","Z=$PATH"] and .OnBuild == ["RUN a $b"] and
    .Healthcheck == {"Test":["CMD","$x"],"Interval":5} and .Shell == ["/s h"] and .Cmd == ["$x"]'
  for body in '{"User":7}' '{"Volumes":{"v":{}}}' '{"ExposedPorts":{"x":{}}}' '{"StopSignal":"NOPE"}' '{"Env":["=x"]}' '{"Env":"A=b"}' '{"Labels":{"a":1}}' '{"OnBuild":["FROM x"]}' \
    '{"Healthcheck":{"Test":"x"}}' '{"Cmd":"sh"}' '{"StopTimeout":"x"}'; do
    api_is 400 POST '/commit?container=made' -H 'Content-Type: application/json' -d "$body" >/dev/null || { echo "$body"; return 1; }
  done
  api_is 201 POST "/commit?container=made" -H 'Content-Type: application/json' -d null
  [ "$(api_is 404 POST /commit?container=nope)" = '{"message":"No such container: nope"}' ]
}
