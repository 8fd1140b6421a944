#!/bin/bash
# Building: a Dockerfile of 20 steps all of which are in the cache (10 RUN, 5 COPY, the rest configuration), one of 20 trivial RUN
# steps of which none is, one of four stages that wait half a second each and need nothing of each other, and a COPY of 20,000
# files that is in the cache (BuildKit alone: the others read them all). Docker's classic builder, BuildKit as it is in dockerd, and buildah with its cache of layers; no network.
. bench/lib.bash
with_journal
make_images
start_dockerd
BUILDAH="buildah --root $BENCH_WORK/podman --runroot $BENCH_WORK/podman-run"
$TARE load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
/usr/bin/docker load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
$PODMAN load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
export BUILDAH_ISOLATION=chroot # the quickest that it has

folder=$BENCH_WORK/context; mkdir "$folder"
for i in 1 2 3 4 5; do echo "file $i" >"$folder/file$i"; done
{
  echo "FROM busybox:latest"
  for i in 1 2 3 4 5; do printf 'COPY file%s /file%s\nRUN echo %s >/a%s\nRUN echo %s >/b%s\nENV V%s=%s\n' $i $i $i $i $i $i $i $i; done
} >"$folder/Dockerfile"
{
  echo "FROM busybox:latest"
  for i in $(seq 20); do echo "RUN echo $i >/r$i"; done
} >"$folder/Dockerfile.run"
{
  for i in 1 2 3 4; do printf 'FROM busybox:latest AS s%s\nRUN sleep 0.5; echo %s >/s%s\n' $i $i $i; done
  echo "FROM busybox:latest"
  for i in 1 2 3 4; do echo "COPY --from=s$i /s$i /s$i"; done
} >"$folder/Dockerfile.stages"
many=$BENCH_WORK/many; mkdir "$many"
(cd "$many" && for d in $(seq 100); do mkdir "d$d"; for f in $(seq 200); do echo "file $f of $d" >"d$d/f$f"; done; done)
printf 'FROM busybox:latest\nCOPY . /all\n' >"$many/Dockerfile"

cached=$(rounds "${BENCH_BUILD_ROUNDS:-10}" \
  tare "$TARE build -q --network none -t steps $folder" \
  docker "env DOCKER_BUILDKIT=0 /usr/bin/docker build -q --network none -t steps $folder" \
  buildkit "env DOCKER_BUILDKIT=1 /usr/bin/docker build -q --network none -t steps $folder" \
  buildah "$BUILDAH bud -q --layers --network none -t steps $folder")
fresh=$(rounds "${BENCH_BUILD_FRESH_ROUNDS:-3}" \
  tare "$TARE build -q --no-cache --network none -t runs -f $folder/Dockerfile.run $folder" \
  docker "env DOCKER_BUILDKIT=0 /usr/bin/docker build -q --no-cache --network none -t runs -f $folder/Dockerfile.run $folder" \
  buildkit "env DOCKER_BUILDKIT=1 /usr/bin/docker build -q --no-cache --network none -t runs -f $folder/Dockerfile.run $folder" \
  buildah "$BUILDAH bud -q --layers --no-cache --network none -t runs -f $folder/Dockerfile.run $folder")
stages=$(rounds "${BENCH_BUILD_FRESH_ROUNDS:-3}" \
  tare "$TARE build -q --no-cache --jobs 4 --network none -t stages -f $folder/Dockerfile.stages $folder" \
  docker "env DOCKER_BUILDKIT=0 /usr/bin/docker build -q --no-cache --network none -t stages -f $folder/Dockerfile.stages $folder" \
  buildkit "env DOCKER_BUILDKIT=1 /usr/bin/docker build -q --no-cache --network none -t stages -f $folder/Dockerfile.stages $folder" \
  buildah "$BUILDAH bud -q --layers --no-cache --jobs 4 --network none -t stages -f $folder/Dockerfile.stages $folder")
files=$(rounds "${BENCH_BUILD_FRESH_ROUNDS:-3}" \
  tare "$TARE build -q --network none -t many $many" \
  buildkit "env DOCKER_BUILDKIT=1 /usr/bin/docker build -q -t many $many")
jq -n --argjson v "$(versions)" --argjson c "$cached" --argjson f "$fresh" --argjson s "$stages" --argjson m "$files" '
  def ratios(r): {docker_over_tare: (r.docker.median_ms / r.tare.median_ms), buildkit_over_tare: (r.buildkit.median_ms / r.tare.median_ms),
                  buildah_over_tare: (r.buildah.median_ms / r.tare.median_ms)};
  def named(n): with_entries(.key = "\(n) \(.key)");
  {name: "build", what: "build of 20 steps from the cache, of 20 trivial RUN steps anew, of 4 stages of 0.5 s, of 20,000 files from the cache", versions: $v,
   results: (($c | named("cached")) + ($f | named("anew")) + ($s | named("stages")) + ($m | named("files"))), ratios: ((ratios($c) | named("cached")) + (ratios($f) | named("anew")) + (ratios($s) | named("stages")) + {"files buildkit_over_tare": ($m.buildkit.median_ms / $m.tare.median_ms)}),
   target: "cached: docker, buildah, buildkit / tare > 10; anew: docker / tare > 10"}'
