#!/usr/bin/env bash
# Makes the HAProxy of the data plane image runnable on this machine, outside any container, and prints its path.
# Usage: haproxy.sh     HAPROXY=/path/to/haproxy: use that one and do nothing
set -euo pipefail
if [ -n "${HAPROXY:-}" ]; then echo "$HAPROXY"; exit; fi
here=$(cd "$(dirname "$0")" && pwd)
cache=${HAPROXY_GATEWAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/haproxy-gateway}
base=$cache/cluster/images/.haproxy-base.tar
dir=$cache/haproxy
if [ ! -x "$dir/bin/haproxy" ] || [ "$base" -nt "$dir/bin/haproxy" ]; then
	"$here/deps.sh" patchelf >&2
	[ -e "$base" ] || { "$here/deps.sh"; "$here/images.sh" haproxy; } >&2
	mkdir -p "$dir/bin" "$dir/root"
	tar -C "$dir/root" -xf "$base" ./usr/sbin/haproxy ./usr/lib
	cp "$dir/root/usr/sbin/haproxy" "$dir/bin/haproxy.part"
	# The master starts itself again by its own name, so the program itself must name its loader and libraries.
	patchelf --set-interpreter "$dir/root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$dir/root/usr/lib/x86_64-linux-gnu" "$dir/bin/haproxy.part"
	mv "$dir/bin/haproxy.part" "$dir/bin/haproxy"
fi
echo "$dir/bin/haproxy"
