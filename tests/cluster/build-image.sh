#!/bin/bash
# build-image.sh NAME:TAG CONTEXT [buildah options]: builds one image and writes it as $IMAGES/<name>.tar with its id next to it.
# Timestamps are fixed, so the same content always has the same id and is imported only once.
set -euo pipefail
# shellcheck source=tests/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# No kernel overlay, no user namespaces: works inside containers and small virtual machines too.
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

name=$1 context=$2
shift 2
file=$(basename "${name%%:*}")
store=(--root "$CLUSTER_CACHE/buildah/root" --runroot "$CLUSTER_CACHE/buildah/run")
mkdir -p "$IMAGES"

buildah "${store[@]}" build --quiet --squash --timestamp 0 --iidfile "$IMAGES/$file.id.new" --tag "$name" "$@" "$context" >/dev/null
if cmp --silent "$IMAGES/$file.id.new" "$IMAGES/$file.id" && [ -f "$IMAGES/$file.tar" ]; then
  say "$name is unchanged"
else
  rm -f "$IMAGES/$file.tar"
  buildah "${store[@]}" push --quiet "$name" "docker-archive:$IMAGES/$file.tar:$name"
  say "$name built: $(du -h --apparent-size "$IMAGES/$file.tar" | cut -f1)"
fi
mv "$IMAGES/$file.id.new" "$IMAGES/$file.id"
buildah "${store[@]}" rmi --prune --force >/dev/null
