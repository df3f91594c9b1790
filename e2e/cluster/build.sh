#!/usr/bin/env bash
# Builds the cluster's programs from the Go module proxy; what is up to date is not built again.
# Usage: build.sh [PART ...]     parts: pause gateway coredns kube; about 10 minutes the first time
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
kubernetes=v1.34.4              # 1.35 and later refuse cgroup v1 unless told otherwise
gateway_api=v1.6.1
coredns=v1.12.2
export CGO_ENABLED=0 GOFLAGS='-mod=mod -buildvcs=false -trimpath' GOWORK=off GOTOOLCHAIN=local
mkdir -p "$bin"

# workdir NAME MODULE VERSION: sets $dir to a copy of src/NAME whose go.mod has MODULE and all that it requires.
workdir() {
	dir=$cluster/build/$1
	mkdir -p "$dir"
	cp "$here/src/$1"/*.go "$dir"
	grep -qsx "require $2 $3" "$dir/go.mod" && return
	sed -E -e "s|^module .*|module cluster/$1|" -e '/^(exclude|retract|tool) /d' \
		"$(go mod download -json "$2@$3" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')" > "$dir/go.mod"
	echo "require $2 $3" >> "$dir/go.mod"
	rm -f "$dir/go.sum"
}

# etcd and the Kubernetes components: one program, called by many names. Upstream's go.mod points at its
# staging folders, which the proxy serves as modules of their own.
kube() {
	local v=k8s.io/component-base/version minor=${kubernetes#v1.} n
	workdir kube k8s.io/kubernetes "$kubernetes"
	sed -E -i -e "s|(k8s.io/[a-z-]+) => ./staging/.*|\1 => \1 v0.$minor|" -e '/k8s.io\/sample-/d' "$dir/go.mod"
	(cd "$dir" && go build -o "$bin/kube" -ldflags "-s -w -X $v.gitVersion=$kubernetes -X $v.gitMajor=1 -X $v.gitMinor=${minor%%.*} -X $v.gitTreeState=clean -X $v.gitCommit=$kubernetes -X $v.buildDate=1970-01-01T00:00:00Z" .)
	for n in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl kube-lb; do ln -sf kube "$bin/$n"; done
}

# The conformance suite, the echo server its manifests run, and the CRDs.
gateway() {
	local crds
	workdir conformance sigs.k8s.io/gateway-api/conformance "$gateway_api"
	sed -E -i -e '/^replace sigs.k8s.io\/gateway-api /d' -e "s|^(\tsigs.k8s.io/gateway-api) v.*|\1 $gateway_api|" "$dir/go.mod"
	(cd "$dir" && go test -c -ldflags '-s -w' -o "$bin/conformance.test" . &&
		go build -ldflags '-s -w' -o "$bin/echo-basic" sigs.k8s.io/gateway-api/conformance/echo-basic)
	crds=$(cd "$dir" && go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)/config/crd
	bundle "$crds" "$crds/kustomization.yaml" > "$bin/crds-standard.yaml"
	bundle "$crds/experimental" "$crds/experimental/kustomization.yaml" > "$bin/crds-experimental.yaml"
}

# bundle FOLDER KUSTOMIZATION: prints the files that it lists as one.
bundle() {
	local file
	sed -n 's/^ *- //p' "$2" | while read -r file; do echo ---; cat "$1/$file"; done
}

coredns() {
	workdir coredns github.com/coredns/coredns "$coredns"
	(cd "$dir" && go build -ldflags '-s -w' -o "$bin/coredns" .)
}

pause() {
	mkdir -p "$cluster/build/pause"
	(cd "$here/src/pause" && GOFLAGS='-trimpath -buildvcs=false' go build -ldflags '-s -w' -o "$bin/pause" main.go)
}

declare -A source=([pause]=pause [gateway]=conformance [coredns]=coredns [kube]=kube)
declare -A result=([pause]=pause [gateway]=conformance.test [coredns]=coredns [kube]=kube)
[ $# -gt 0 ] || set -- pause gateway coredns kube
for part; do
	stamp=$bin/.$part-$(fingerprint "$kubernetes $gateway_api $coredns" "$here/build.sh" "$here/src/${source[$part]}"/*.go)
	[ -e "$stamp" ] && [ -e "$bin/${result[$part]}" ] && continue
	command -v go > /dev/null || { echo "build.sh: go is not on the PATH; install Go 1.24 or newer (https://go.dev/dl), then run this again." >&2; exit 1; }
	step "building $part" "$part"
	rm -f "$bin/.$part-"* && touch "$stamp"
done
