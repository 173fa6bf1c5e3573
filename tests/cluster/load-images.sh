#!/bin/bash
# Imports the images that images.sh built into every node that lacks them. load-images.sh NAME... imports other
# archives of the image folder instead.
set -euo pipefail
# shellcheck source=tests/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_root
lock
is_up || fail "the cluster is not up; run $CLUSTER_SOURCE/up.sh"
names=("$@")
[ "$#" -gt 0 ] || names=("${COMPONENTS[@]/#/convene-}")
for name in "${names[@]}"; do
  [ -f "$IMAGES/$name.tar" ] || fail "$IMAGES/$name.tar does not exist; run $CLUSTER_SOURCE/images.sh"
  for number in $(seq "$(node_count)"); do import_image "$number" "$name"; done
done
say "the nodes have: ${names[*]}"
