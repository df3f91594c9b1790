#!/usr/bin/env bash
# Puts the product into the running test cluster: its images, the Gateway API's CRDs, the bundle; waits until the operator is ready.
# Usage: install.sh     deploy/haproxy-gateway.yaml must be current (make bundle)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=cluster/settings.sh
. "$here/cluster/settings.sh"
version=$(sed -nE 's/^  "version": "(.*)",/\1/p' "$here/../package.json")
K get --raw /readyz > /dev/null || { echo "install.sh: the test cluster does not answer; make cluster brings it up." >&2; exit 1; }

made_and_loaded() { "$here/../deploy/image.sh" > /dev/null && "$here/cluster/load.sh" "$images"/{operator,data-plane,nginx}.tar; }
built_and_loaded() {
	docker build -q -t "haproxy-gateway-operator:$version" -f "$here/../deploy/Dockerfile" "$here/.." > /dev/null &&
		kind load docker-image "haproxy-gateway-operator:$version" --name "$name"
}
if [ "$(provider)" = kind ]; then
	step "image built and loaded" built_and_loaded
else
	step "images made and loaded" made_and_loaded
fi
K apply --server-side --force-conflicts -f "$bin/crds-${CHANNEL:-experimental}.yaml" > /dev/null
K wait --for=condition=Established crd --all --timeout=30s > /dev/null
K apply --server-side --force-conflicts -f "$here/../deploy/haproxy-gateway.yaml" > /dev/null
# The suite has twenty Gateways at a time: with the default requests their pods would not fit on two cores.
K -n haproxy-gateway-system set env deployment/haproxy-gateway-operator HAPROXY_GATEWAY_DATA_PLANE_CPU=10m > /dev/null
# The image's name stays the same from build to build.
running=$(cat "$cluster/loaded/running" 2> /dev/null || true)
loaded=$(cd "$cluster/loaded" && ls | grep -v '^running$' | sort | tr '\n' ' ')
if [ "$running" != "$loaded" ]; then
	K -n haproxy-gateway-system rollout restart deployment > /dev/null
	echo "$loaded" > "$cluster/loaded/running"
fi
ready() { K -n haproxy-gateway-system rollout status deployment --timeout=120s > /dev/null; }
step "operator ready" ready
