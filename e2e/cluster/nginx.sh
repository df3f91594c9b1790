#!/usr/bin/env bash
# Makes the nginx of the test cluster's UDP image runnable on this machine, outside any container, and prints its path; modules/*.conf
# beside it load its stream module. Usage: nginx.sh     NGINX_PATH=/path/to/nginx: use that one and do nothing
set -euo pipefail
# The name is not NGINX: nginx itself reads that one, for sockets to inherit.
if [ -n "${NGINX_PATH:-}" ]; then echo "$NGINX_PATH"; exit; fi
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
dir=$cache/nginx
if [ ! -x "$dir/nginx" ] || [ "$nginx_base" -nt "$dir/nginx" ]; then
	{ "$here/deps.sh"; "$here/images.sh" nginx; } >&2
	mkdir -p "$dir/root"
	tar -C "$dir/root" -xf "$nginx_base" ./usr/sbin/nginx ./usr/lib
	# Modules look for libraries where the program says.
	patchelf --set-interpreter "$dir/root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$dir/root/usr/lib/x86_64-linux-gnu" "$dir/root/usr/sbin/nginx"
	mkdir -p "$dir/modules"
	echo "load_module $dir/root/usr/lib/nginx/modules/ngx_stream_module.so;" > "$dir/modules/stream.conf"
	cp "$dir/root/usr/sbin/nginx" "$dir/nginx.part"
	mv "$dir/nginx.part" "$dir/nginx"
fi
echo "$dir/nginx"
