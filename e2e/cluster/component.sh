#!/usr/bin/env bash
# Sends a signal to one component of the cluster's node, for tests of what happens without it; a killed one is back after 3 s.
# Usage: component.sh STOP|CONT|KILL NAME     e.g. component.sh KILL kube-apiserver
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
[ "$(provider)" = local ] || { echo "component.sh: only the local cluster's components can be stopped; this one is kind's." >&2; exit 1; }
for pid in $(ip netns pids "$name"); do
	[ "$(cat "/proc/$pid/comm")" = "$2" ] || continue
	kill "-$1" "$pid"
	found=yes
done
[ -n "${found:-}" ] || { echo "component.sh: no process $2 on the node." >&2; exit 1; }
