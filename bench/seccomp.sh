#!/bin/bash
# The seccomp compiler against libseccomp: bench/seccomp.c, built on demand. One JSON document on stdout.
set -euo pipefail
build=$(dirname "$TARE_BIN")
ninja -C "$build" --quiet bench/bench-seccomp >&2
exec "$build/bench/bench-seccomp"
