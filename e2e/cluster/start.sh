#!/usr/bin/env bash
# Starts a cluster of one node, as processes of this machine in namespaces of their own, from what build.sh and images.sh
# made. Called by up.sh. Usage: start.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
"$here/down.sh"
mkdir -p "$cluster"/{pki,log,cni,node/{kubelet,log,run,etcd}} && chmod 700 "$cluster/pki" "$cluster/node/etcd"
echo local > "$cluster/provider"

certificate() { # NAME SUBJECT [SANS]: signed by the one CA
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$cluster/pki/$1.key" -subj "$2" 2> /dev/null |
		openssl x509 -req -CA "$cluster/pki/ca.crt" -CAkey "$cluster/pki/ca.key" -days 3650 -out "$cluster/pki/$1.crt" \
			-extfile <(printf 'extendedKeyUsage=clientAuth,serverAuth\n%s' "${3:+subjectAltName=$3}") 2> /dev/null
}
client_config() { # FILE CERTIFICATE: a kubeconfig with the certificates inside
	local file=$1 pki=$cluster/pki
	printf '{"apiVersion":"v1","kind":"Config","current-context":"%s","contexts":[{"name":"%s","context":{"cluster":"%s","user":"%s"}}],"clusters":[{"name":"%s","cluster":{"server":"https://%s:6443","certificate-authority-data":"%s"}}],"users":[{"name":"%s","user":{"client-certificate-data":"%s","client-key-data":"%s"}}]}\n' \
		"$name" "$name" "$name" "$2" "$name" "$node_ip" "$(base64 -w0 "$pki/ca.crt")" "$2" "$(base64 -w0 "$pki/$2.crt")" "$(base64 -w0 "$pki/$2.key")" > "$file"
	chmod 600 "$file"
}
certificates() {
	local component
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$name-ca" -keyout "$cluster/pki/ca.key" -out "$cluster/pki/ca.crt" 2> /dev/null
	certificate apiserver /CN=kube-apiserver "IP:$node_ip,IP:$api_svc,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
	certificate admin /O=system:masters/CN=admin
	certificate front-proxy /CN=front-proxy
	certificate kubelet "/O=system:nodes/CN=system:node:$node"
	for component in kube-controller-manager kube-scheduler kube-proxy; do certificate $component "/CN=system:$component"; done
	openssl genrsa -out "$cluster/pki/sa.key" 2048 2> /dev/null && openssl rsa -in "$cluster/pki/sa.key" -pubout -out "$cluster/pki/sa.pub" 2> /dev/null
	for component in kubelet kube-controller-manager kube-scheduler kube-proxy; do client_config "$cluster/pki/$component.kubeconfig" $component; done
	client_config "$cluster/pki/kube-lb.kubeconfig" admin
	client_config "$kubeconfig" admin
}

configuration() {
	cat > "$cluster/containerd.toml" <<-END
		version = 2
		root = "$cluster/containerd"
		state = "$cluster/node/run/containerd"
		disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
		[grpc]
		  address = "$containerd_sock"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$cluster/containerd-opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "registry.k8s.io/pause:3.10"
		  restrict_oom_score_adj = true    # lowering it takes CAP_SYS_RESOURCE
		  enable_unprivileged_ports = true
		  enable_unprivileged_icmp = true
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "/usr/lib/cni"
		    conf_dir = "$cluster/cni"
		  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		    runtime_type = "io.containerd.runc.v2"
	END
	cat > "$cluster/cni/10-pods.conflist" <<-END
		{"cniVersion": "1.0.0", "name": "pods", "plugins": [
		  {"type": "ptp", "mtu": 1500, "ipam": {"type": "host-local", "dataDir": "$cluster/node/run/ipam", "ranges": [[{"subnet": "$pod_cidr"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		  {"type": "portmap", "capabilities": {"portMappings": true}}]}
	END
	: > "$cluster/resolv.conf"
	cat > "$cluster/kubelet.yaml" <<-END
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $cluster/pki/ca.crt}}
		authorization: {mode: Webhook}
		containerRuntimeEndpoint: unix://$containerd_sock
		cgroupDriver: cgroupfs
		cgroupRoot: /$name
		clusterDNS: [$dns_svc]
		clusterDomain: cluster.local
		resolvConf: $cluster/resolv.conf
		failSwapOn: false
		maxOpenFiles: $(ulimit -Hn | sed s/unlimited/1000000/)
		maxPods: 250
		oomScoreAdj: 0
		imageGCHighThresholdPercent: 100
		evictionHard: {memory.available: 200Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
		kubeAPIQPS: 200
		kubeAPIBurst: 400
		serializeImagePulls: false
	END
	cat > "$cluster/kube-proxy.yaml" <<-END
		apiVersion: kubeproxy.config.k8s.io/v1alpha1
		kind: KubeProxyConfiguration
		mode: nftables
		clusterCIDR: $pod_cidr
		clientConnection: {kubeconfig: $cluster/pki/kube-proxy.kubeconfig}
		conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
		nftables: {minSyncPeriod: 100ms, syncPeriod: 30s}
	END
}

# A veth pair to this machine, and routes that let virtual addresses be looked up before kube-proxy rewrites them
# (nobody answers for those it does not). No default route: nothing leaves this machine.
network() {
	local range
	if ip route show root "$net.0.0/16" | grep -q .; then
		echo "start.sh: this machine already has a route inside $net.0.0/16; choose other addresses with HAPROXY_GATEWAY_NET=10.N." >&2
		exit 1
	fi
	touch "$cluster/network"
	ip netns add "$name"
	ip link add "$link" type veth peer name eth0 netns "$name"
	ip addr add "$host_ip/24" dev "$link"
	ip link set "$link" up
	ip -n "$name" link set lo up
	ip -n "$name" addr add "$node_ip/24" dev eth0
	ip -n "$name" link set eth0 up
	for range in "$lb_pool" "$lb_static" "$svc_cidr"; do ip -n "$name" route add "$range" dev eth0; done
	for range in "$pod_cidr" "$lb_pool" "$lb_static" "$svc_cidr"; do ip route add "$range" via "$node_ip" dev "$link"; done
	nsenter --net="/run/netns/$name" sysctl -qw net.ipv4.ip_forward=1
}

# What the kubelet finds on the machine or changes there; down.sh sets it back.
machine() {
	local folder group
	sysctl vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops > "$cluster/sysctl.before"
	for folder in /run/netns /var/lib/kubelet /var/log/pods /var/log/containers; do
		[ -d "$folder" ] || { mkdir -p "$folder" && echo "$folder" >> "$cluster/folders.made"; }
	done
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		mkdir -p "/sys/fs/cgroup/$name"
		for group in cpu cpuset memory pids io hugetlb; do echo "+$group" > /sys/fs/cgroup/cgroup.subtree_control; done 2> /dev/null || true
	else
		for group in /sys/fs/cgroup/*/; do [ ! -e "$group/tasks" ] || mkdir -p "$group$name"; done
	fi
}

wait_for() { # SECONDS WHAT COMMAND ...
	local until=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" > /dev/null 2>&1; do
		[ $SECONDS -lt $until ] && node_pid > /dev/null || { echo "start.sh: $what: not in time; see $cluster/log" >&2; exit 1; }
		sleep 0.2
	done
}

machine
network
certificates
configuration
setsid nsenter --net="/run/netns/$name" unshare --mount --uts --pid --fork --kill-child --mount-proc \
	bash "$here/node.sh" "$cluster" < /dev/null >> "$cluster/log/node.log" 2>&1 &
echo $! > "$cluster/node.pid"
wait_for 60 "containerd answers" ctr -a "$containerd_sock" version
"$here/load.sh" "$images"/{pause,coredns,echo-basic}.tar
wait_for 90 "API server ready" K get --raw /readyz
sed "s/\${dns_svc}/$dns_svc/" "$here/manifests/coredns.yaml" | K apply -f - > /dev/null
wait_for 60 "node ready" K wait --for=condition=Ready "node/$node" --timeout=1s
wait_for 60 "default service account there" K get serviceaccount default
wait_for 60 "cluster DNS ready" K -n kube-system rollout status deployment/coredns --timeout=1s
touch "$cluster/ready"
