#!/usr/bin/env bash
# The cluster where Docker is there: kind, with load balancers by cloud-provider-kind. Both are built from the Go module
# proxy when they are not on the PATH. Called by up.sh and down.sh. Usage: kind.sh up|down
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
export PATH=$PATH:$bin
mkdir -p "$cluster" "$bin"

tool() { # NAME MODULE@VERSION
	command -v "$1" > /dev/null || step "building $1" env GOBIN="$bin" go install "$2"
}
up() {
	if [ ! -e "$cluster/ready" ] || ! kind get clusters 2> /dev/null | grep -qx "$name"; then
		down
		tool kind sigs.k8s.io/kind@v0.30.0
		tool cloud-provider-kind sigs.k8s.io/cloud-provider-kind@v0.8.0
		[ -x "$bin/kubectl" ] || ln -s "$(command -v kubectl)" "$bin/kubectl"
		"$here/build.sh" gateway         # the CRDs and the conformance suite
		echo kind > "$cluster/provider"
		step "kind cluster" kind create cluster --name "$name" --config "$here/../../kind-config.yaml" --kubeconfig "$kubeconfig" --wait 180s
		setsid cloud-provider-kind < /dev/null > "$cluster/cloud-provider-kind.log" 2>&1 &
		echo $! > "$cluster/cloud-provider-kind.pid"
		touch "$cluster/ready"
	fi
	echo "cluster is up: export KUBECONFIG=$kubeconfig"
}
down() {
	local pid
	pid=$(cat "$cluster/cloud-provider-kind.pid" 2> /dev/null || true)
	if [ -n "$pid" ] && grep -qs cloud-provider-kind "/proc/$pid/cmdline"; then kill "$pid"; fi
	if command -v kind > /dev/null; then kind delete cluster --name "$name" --kubeconfig "$kubeconfig"; fi
	rm -rf "$cluster"/{loaded,ready,provider,kubeconfig,cloud-provider-kind.pid,cloud-provider-kind.log}
}
"$1"
