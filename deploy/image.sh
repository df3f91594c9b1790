#!/usr/bin/env bash
# Makes the product's two images for the local test cluster, as OCI archives and without a container engine: the operator's, and a data
# plane image in the place of upstream's: HAProxy, with our own implementation of the Data Plane API's used part as `dataplaneapi`.
# Needs the layers that e2e/cluster/images.sh makes. What did not change is not made again.
# Usage: image.sh     DATAPLANEAPI=/path/to/program puts upstream's program into the data plane image instead of ours
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=../e2e/cluster/settings.sh
. "$root/e2e/cluster/settings.sh"
export PATH="$root/node_modules/.bin:$PATH"
version=$(sed -nE 's/^  "version": "(.*)",/\1/p' "$root/package.json")
data_plane=docker.io/$(sed -nE "s/^  image: '(.*)',/\1/p" "$root/operator/model/settings.ts")
tmp=$(mktemp -d "$images/.image.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=../e2e/cluster/oci.sh
. "$root/e2e/cluster/oci.sh"

node "$root/deploy/build.ts"
mkdir -p "$tmp/app/app"
cp -r "$root"/dist/{haproxy-gateway.mjs,templates} "$tmp/app/app"
mkdir -p "$tmp/api/app"
cp "$root/dist/dataplaneapi.mjs" "$tmp/api/app"
chmod -R u=rwX,go=rX "$tmp"/{app,api}
app=$(layer "$tmp/app")
api=$(layer "$tmp/api")

# made NAME FILE ...: makes the image NAME by the function of that name, unless it was made from the same files before.
made() {
	local what=$1 stamp
	shift
	stamp=$images/.$what-$(fingerprint "$version $data_plane $(stat -c %s-%Y "$node_base" "$haproxy_base")" "$root/deploy/image.sh" "$root/e2e/cluster/oci.sh" "$@")
	[ -e "$stamp" ] && [ -e "$images/$what.tar" ] && return
	"$what"
	rm -f "$images/.$what-"* && touch "$stamp"
}

operator() {
	image "$images/operator.tar" '{"Entrypoint": ["node", "/app/haproxy-gateway.mjs"], "User": "65532:65532", "WorkingDir": "/app", "Env": ["PATH=/usr/local/bin", "NODE_ENV=production"]}' \
		"docker.io/library/haproxy-gateway-operator:$version" "$node_base" "$app"
}

data-plane() {
	local program=$tmp/program/usr/local/bin/dataplaneapi layers=("$haproxy_base")
	mkdir -p "$(dirname "$program")"
	if [ -n "${DATAPLANEAPI:-}" ]; then
		install -m755 "$DATAPLANEAPI" "$program"
	else
		layers+=("$(node_layer)" "$api")
		printf '#!/bin/sh\nexec node --max-semi-space-size=2 /app/dataplaneapi.mjs "$@"\n' > "$program"
		chmod 755 "$program"
	fi
	image "$images/data-plane.tar" '{"Cmd": ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"], "StopSignal": "SIGUSR1", "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}' \
		"$data_plane" "${layers[@]}" "$(layer "$tmp/program")"
}

# The program alone: the base layer of the operator's image also holds C libraries, which would replace those that HAProxy needs.
node_layer() {
	local kept=$images/.node-program-$node_release.tar
	if [ ! -e "$kept" ]; then
		mkdir "$tmp/node" && tar -C "$tmp/node" -xf "$node_base" ./usr/local/bin/node
		mv "$(layer "$tmp/node")" "$kept"
	fi
	echo "$kept"
}

made operator "$app"
made data-plane "$api" ${DATAPLANEAPI:+"$DATAPLANEAPI"}
