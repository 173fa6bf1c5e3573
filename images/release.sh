#!/bin/bash
# The steps of a release, for .github/workflows/release.yaml. Each can be run by hand with docker (buildx) or helm logged in to the registry.
#
#   images/release.sh version TAG            prints version=..., if the tag is the version of both charts and of the crates
#   images/release.sh build VERSION ARCH     builds the images for one architecture (amd64, arm64) and pushes them as VERSION-ARCH
#   images/release.sh join VERSION ARCH...   pushes VERSION, which refers to the images of these architectures
#   images/release.sh charts VERSION         pushes both charts
#
# REGISTRY is where images go (default ghcr.io/convene-dev); charts go to its path charts/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
REGISTRY=${REGISTRY:-ghcr.io/convene-dev}
CHARTS=(charts/convene-crds charts/convene)

fail() {
  echo "release.sh: $*" >&2
  exit 1
}

# The targets of the Dockerfile that are images: all stages from scratch but the one that only collects files.
components() { sed -nE 's/^FROM scratch AS ([a-z-]+)$/\1/p' Dockerfile | grep --invert-match --line-regexp rootfs; }

image() { echo "$REGISTRY/convene-$1"; }

chart_versions() { awk '/^(version|appVersion):/ {gsub(/"/, "", $2); print $2}' "${CHARTS[@]/%//Chart.yaml}"; }

crate_version() { sed -nE '/^\[workspace.package\]/,/^$/s/^version = "(.*)"$/\1/p' Cargo.toml; }

check_version() { # TAG
  local version=${1#v} found
  [ "$version" != "$1" ] || fail "the tag $1 does not begin with v"
  for found in $(chart_versions) $(crate_version); do
    [ "$found" = "$version" ] || fail "the tag is $1, but a chart or the workspace has version $found"
  done
  echo "version=$version"
}

# One builder for all targets, so that their common stages are built once.
build() { # VERSION ARCH
  local name
  for name in $(components); do
    docker buildx build --platform "linux/$2" --target "$name" --tag "$(image "$name"):$1-$2" --provenance=mode=max --sbom=true --push .
  done
}

join() { # VERSION ARCH...
  local version=$1 name
  shift
  for name in $(components); do
    docker buildx imagetools create --tag "$(image "$name"):$version" "${@/#/$(image "$name"):$version-}"
  done
}

charts() { # VERSION
  local chart folder
  folder=$(mktemp -d)
  for chart in "${CHARTS[@]}"; do
    helm package "$chart" --destination "$folder"
    helm push "$folder/$(basename "$chart")-$1.tgz" "oci://$REGISTRY/charts"
  done
}

[ $# -ge 2 ] || { sed -n '4,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 2; }
command=$1
shift
case $command in
  version) check_version "$@" ;;
  build | join | charts) "$command" "$@" ;;
  *) fail "there is no step $command" ;;
esac
