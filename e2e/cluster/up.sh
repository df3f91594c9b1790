#!/usr/bin/env bash
# Brings up a cluster for development and tests, and writes its kubeconfig. Does nothing where it is up already.
# Usage: up.sh     HAPROXY_GATEWAY_CLUSTER=kind|local chooses; default: kind where Docker answers, otherwise local
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
if [ "$(provider)" = kind ]; then exec "$here/kind.sh" up; fi
if ! { [ -e "$cluster/ready" ] && node_pid > /dev/null; }; then
	[ "$(id -u)" = 0 ] || { echo "up.sh: a cluster without Docker needs root; start it with sudo, or install Docker and kind." >&2; exit 1; }
	"$here/deps.sh"
	"$here/build.sh"
	"$here/images.sh"
	step "a cluster of one node" "$here/start.sh"
fi
echo "cluster is up: export KUBECONFIG=$kubeconfig"
