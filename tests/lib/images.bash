# Images and archives for tests: real ones, made by other people's tools, and a Debian root made by debootstrap once and
# kept in the build folder.
# shellcheck shell=bash

images_cache() {
  mkdir -p "$TARE_BUILD/cache"
  echo "$TARE_BUILD/cache"
}

# debian_root_tar [VARIANT]: a Debian 12 root as debootstrap makes it (minbase; "-" is its full standard one, about 300
# MB), as a tar with numeric owners and extended attributes.
debian_root_tar() {
  local variant=${1:-minbase} out work
  out=$(images_cache)/debian-$variant.tar
  if [ ! -e "$out" ]; then
    (
      flock 9
      [ ! -e "$out" ] || exit 0
      work=$(mktemp -d "$out.XXXXXX")
      # shellcheck disable=SC2064
      trap "umount -R '$work' 2>/dev/null; rm -rf --one-file-system '$work'" EXIT
      nsenter --net="${TARE_OUTER_NET:-/proc/self/ns/net}" debootstrap --variant="$variant" bookworm "$work/root" >"$out.log" 2>&1 || { tail -5 "$out.log" >&2; exit 1; }
      rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
      tar --numeric-owner --xattrs --xattrs-include='*' -cf "$out.new" -C "$work/root" .
      mv "$out.new" "$out"
    ) 9>"$out.lock" || return 1
  fi
  echo "$out"
}

# oci_layout DIR NAME LAYER.tar...: an OCI layout with one image of these layer tars (gzip), made by umoci.
oci_layout() {
  local dir=$1 name=$2 bundle tar; shift 2
  umoci init --layout "$dir"
  umoci new --image "$dir:$name"
  for tar in "$@"; do
    umoci raw add-layer --image "$dir:$name" "$tar"
  done
}

# docker_archive OUT NAME LAYER.tar...: what `docker save` wrote before version 25: ID/layer.tar, ID.json,
# manifest.json, repositories. Layers may be packed; their diff ids are of the unpacked tar.
docker_archive() {
  python3 "$TARE_TESTS/lib/docker_archive.py" "$@"
}

# xattrs DIR: every extended attribute below it, one a line. set_xattr FILE NAME VALUE.
xattrs() {
  python3 - "$1" <<'X'
import os, sys
for at, dirs, files in os.walk(sys.argv[1]):
    dirs.sort()
    for path in [at] + sorted(os.path.join(at, f) for f in files + [d for d in dirs if os.path.islink(os.path.join(at, d))]):
        for name in sorted(os.listxattr(path, follow_symlinks=False)):
            print(path, name, os.getxattr(path, name, follow_symlinks=False).hex())
X
}
set_xattr() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode(), follow_symlinks=False)' "$@"; }

# tree DIR [no-folder-times]: one line for each thing below DIR with all that unpacking must preserve, to compare trees
# with. Folders without an entry of their own have whatever time the unpacker gives them.
tree() {
  local times=%T@
  [ -z "${2:-}" ] || times=-
  (
    cd "$1" || exit 1
    find . ! -type d -printf '%p %y %m %U:%G %s %T@ %n %l\n' -o -printf "%p %y %m %U:%G $times\n" | LC_ALL=C sort
    find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
    xattrs .
    find . \( -type b -o -type c \) -exec stat -c '%n %t:%T' {} + | LC_ALL=C sort
  )
}

# image_store ROOT COMMAND…: the image floor without the engine (tests/image/image-store.c).
image_store() {
  local root=$1; shift
  mkdir -p "$root"
  "$TARE_BUILD/tests/image/image-store" "$TARE_BIN/tare-worker" "$root" "$@"
}

# store_things ROOT: every file and folder in a store that is not part of an empty one.
store_things() {
  find "$1" -mindepth 1 | grep -vE '/(content|content/blobs|content/blobs/sha256|layers|ingest|ingest/[a-z]+\.lock)$'
}
