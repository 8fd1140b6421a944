#!/bin/bash
# Building: a Dockerfile of 20 steps all of which are in the cache (10 RUN, 5 COPY, the rest configuration), and one of 20 trivial RUN
# steps of which none is. Docker's classic builder, BuildKit as it is in dockerd, and buildah with its cache of layers; no network.
. bench/lib.bash
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

cached=$(rounds "${BENCH_BUILD_ROUNDS:-10}" \
  tare "$TARE build -q -t steps $folder" \
  docker "env DOCKER_BUILDKIT=0 /usr/bin/docker build -q --network none -t steps $folder" \
  buildkit "env DOCKER_BUILDKIT=1 /usr/bin/docker build -q --network none -t steps $folder" \
  buildah "$BUILDAH bud -q --layers --network none -t steps $folder")
fresh=$(rounds "${BENCH_BUILD_FRESH_ROUNDS:-3}" \
  tare "$TARE build -q --no-cache --network none -t runs -f $folder/Dockerfile.run $folder" \
  docker "env DOCKER_BUILDKIT=0 /usr/bin/docker build -q --no-cache --network none -t runs -f $folder/Dockerfile.run $folder" \
  buildkit "env DOCKER_BUILDKIT=1 /usr/bin/docker build -q --no-cache --network none -t runs -f $folder/Dockerfile.run $folder" \
  buildah "$BUILDAH bud -q --layers --no-cache --network none -t runs -f $folder/Dockerfile.run $folder")
jq -n --argjson v "$(versions)" --argjson c "$cached" --argjson f "$fresh" '
  def ratios(r): {docker_over_tare: (r.docker.median_ms / r.tare.median_ms), buildkit_over_tare: (r.buildkit.median_ms / r.tare.median_ms),
                  buildah_over_tare: (r.buildah.median_ms / r.tare.median_ms)};
  def named(n): with_entries(.key = "\(n) \(.key)");
  {name: "build", what: "build of 20 steps from the cache, and of 20 trivial RUN steps anew", versions: $v,
   results: (($c | named("cached")) + ($f | named("anew"))), ratios: ((ratios($c) | named("cached")) + (ratios($f) | named("anew"))),
   target: "cached: docker, buildah, buildkit / tare > 10; anew: docker / tare > 10"}'
