# Names, folders and addresses that the cluster's scripts share; sourced, not run.
# shellcheck shell=bash disable=SC2034
cache=${HAPROXY_GATEWAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/haproxy-gateway}
cluster=$cache/cluster                    # bin/ and images/ are kept, everything else goes when the cluster goes
bin=$cluster/bin
images=$cluster/images
kubeconfig=$cluster/kubeconfig

name=haproxy-gateway                      # the node's network namespace and control group; with kind: the cluster
link=haproxy-gw                           # this machine's end of the link to the node
net=${HAPROXY_GATEWAY_NET:-10.98}         # the /16 that everything below lies in
host_ip=$net.0.1 node_ip=$net.0.2
pod_cidr=$net.16.0/20
svc_cidr=$net.32.0/20 api_svc=$net.32.1 dns_svc=$net.32.10
lb_pool=$net.64.0/24                      # handed out to Services of type LoadBalancer
lb_static=$net.65.0/24                    # given only when spec.loadBalancerIP asks for one of them
node=node-1
containerd_sock=$cluster/node/run/containerd.sock

node_release=24.21.0                      # of the operator's image
haproxy_base=$images/.haproxy-base.tar    # layers below the product's two images
node_base=$images/.node-$node_release.tar
nginx_base=$images/.debian-nginx.tar      # the one layer of the image that carries UDP
echo_image=registry.k8s.io/gateway-api/echo-basic

# Which kind of cluster: kind where a container engine answers, otherwise one node of processes on this machine.
provider() {
	if [ -e "$cluster/provider" ]; then cat "$cluster/provider"
	elif [ -n "${HAPROXY_GATEWAY_CLUSTER:-}" ]; then echo "$HAPROXY_GATEWAY_CLUSTER"
	elif command -v docker > /dev/null && timeout 5 docker info > /dev/null 2>&1; then echo kind
	else echo local; fi
}

K() { "$bin/kubectl" --kubeconfig "$kubeconfig" "$@"; }

# The process that holds the node, when it runs and is ours.
node_pid() {
	local pid
	pid=$(cat "$cluster/node.pid" 2> /dev/null) &&
		[ "$(tr '\0' ' ' < "/proc/$pid/cmdline" 2> /dev/null | grep -c "unshare.*$cluster")" = 1 ] && echo "$pid"
}

# step NAME COMMAND ...: runs it and says how long it took; every half minute that it goes on.
step() {
	local what=$1 began=$SECONDS beat status=0
	shift
	( while sleep 30; do echo "$what: still at it, $((SECONDS - began)) s"; done ) &
	beat=$!
	"$@" || status=$?
	{ kill "$beat" && wait "$beat"; } 2> /dev/null || true
	[ $status = 0 ] && echo "$what: $((SECONDS - began)) s" || echo "$what: failed with $status after $((SECONDS - began)) s" >&2
	return $status
}

# fingerprint TEXT [FILE ...]: one word that changes when any of them does.
fingerprint() { { echo "$1"; shift; [ $# = 0 ] || cat "$@"; } | sha256sum | cut -c1-20; }
