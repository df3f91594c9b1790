#!/usr/bin/env bash
# Brings image archives into the running cluster, skipping those that it has. Usage: load.sh ARCHIVE.tar ...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
mkdir -p "$cluster/loaded"
for archive; do
	stamp=$cluster/loaded/$(basename "$archive").$(stat -Lc %s-%Y "$archive")
	[ -e "$stamp" ] && continue
	if [ "$(provider)" = kind ]; then
		kind load image-archive "$archive" --name "$name"
	else
		ctr -a "$containerd_sock" -n k8s.io images import "$archive" > /dev/null
	fi
	rm -f "$cluster/loaded/$(basename "$archive")".* && touch "$stamp"
done
