#!/bin/bash
# Builds the images of the operator, router, media pod and command line (cli) from target/release and web/dist, and imports them into
# the nodes if the cluster is up. Compiles and downloads nothing. CONVENE_PROGRAMS overrides target/release.
# images.sh COMPONENT...: only the images of these components (operator, router, media-pod, cli).
set -euo pipefail
# shellcheck source=tests/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
PROGRAMS=${CONVENE_PROGRAMS:-${CARGO_TARGET_DIR:-$REPOSITORY/target}/release}
WEB=$REPOSITORY/web/dist

# The Dockerfile's stages before "rootfs" need a network; the context of that name replaces them.
build_component() { # NAME
  local web=() binary=convene-$1
  case $1 in
    router | media-pod) web=("$WEB") ;;
    cli) binary=convene ;;
  esac
  "$REPOSITORY/images/rootfs.sh" "$PROGRAMS/$binary" "$ROOTFS/$1" "${web[@]}"
  "$CLUSTER_SOURCE/build-image.sh" "$(image_name "$1")" "$REPOSITORY" \
    --file "$REPOSITORY/Dockerfile" --target "$1" --build-context "rootfs=$ROOTFS"
}

main() {
  local wanted=("$@") name
  [ "$#" -gt 0 ] || wanted=("${EVERY_IMAGE[@]}")
  for name in "${wanted[@]}"; do
    [[ " ${EVERY_IMAGE[*]} " == *" $name "* ]] || fail "there is no component $name; there are: ${EVERY_IMAGE[*]}"
    build_component "$name"
  done
  if is_up; then
    "$CLUSTER_SOURCE/load-images.sh" "${wanted[@]/#/convene-}"
  else
    say "the cluster is not up; load-images.sh imports the images later"
  fi
}

need_root
need buildah buildah
ROOTFS=$(mktemp -d)
trap 'rm -rf "$ROOTFS"' EXIT
main "$@"
