# Functions that write OCI image archives with nothing but tar, jq and sha256sum; sourced. They work in the folder $tmp.
# shellcheck shell=bash
: "${tmp:?}"

# layer DIR: packs DIR, reproducibly, and prints the tar's name.
layer() {
	tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$1.tar" . && echo "$1.tar"
}

# image ARCHIVE CONFIG "REF ..." LAYER.tar ...: writes an OCI archive with these layers under all the names.
image() {
	local archive=$1 config=$2 refs=$3 d=$tmp/oci size dig f n
	shift 3
	rm -rf "$d" && mkdir -p "$d/blobs/sha256"
	blob() { # FILE -> its descriptor, after it was moved in
		dig=$(sha256sum "$1" | cut -d' ' -f1) size=$(stat -Lc %s "$1")
		ln "$1" "$d/blobs/sha256/$dig" 2>/dev/null || cp "$1" "$d/blobs/sha256/$dig"
		jq -nc --arg t "$2" --arg d "sha256:$dig" --argjson s "$size" '{mediaType: $t, digest: $d, size: $s}'
	}
	for f; do blob "$f" application/vnd.oci.image.layer.v1.tar; done > "$tmp/layers"
	jq -sc --argjson c "$config" '{architecture: "amd64", os: "linux", config: $c, rootfs: {type: "layers", diff_ids: map(.digest)}}' "$tmp/layers" > "$tmp/config"
	jq -sc --argjson c "$(blob "$tmp/config" application/vnd.oci.image.config.v1+json)" \
		'{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $c, layers: .}' "$tmp/layers" > "$tmp/manifest"
	for n in $refs; do echo "$n"; done | jq -Rnc --argjson m "$(blob "$tmp/manifest" application/vnd.oci.image.manifest.v1+json)" \
		'{schemaVersion: 2, manifests: [inputs as $n | $m + {annotations: {"io.containerd.image.name": $n}}]}' > "$d/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' > "$d/oci-layout"
	tar -C "$d" -cf "$archive.part" . && mv "$archive.part" "$archive"
}

# scratch NAME: an empty root with what a static program expects.
scratch() {
	local d=$tmp/$1
	mkdir -p "$d"/{etc/ssl/certs,tmp,root,proc,sys,dev} && chmod 1777 "$d/tmp"
	printf 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n' > "$d/etc/passwd"
	printf 'root:x:0:\nnonroot:x:65532:\n' > "$d/etc/group"
	[ ! -e /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$d/etc/ssl/certs/"
	echo "$d"
}
