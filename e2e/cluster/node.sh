#!/usr/bin/env bash
# The node: first process of its own PID, mount, UTS and network namespaces, so that killing it stops and
# unmounts everything. Started by start.sh only. Usage: node.sh CLUSTER_FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
cluster=$1 bin=$1/bin containerd_sock=$1/node/run/containerd.sock
pki=$cluster/pki run=$cluster/node
export PATH=$bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=$run
unset KUBECONFIG

mount --make-rshared /                  # containerd asks for it; this mount namespace is a private copy
hostname "$node"
mount --bind "$run/kubelet" /var/lib/kubelet && mount --make-shared /var/lib/kubelet
mount --bind "$run/log" /var/log/pods
mount -t tmpfs none /var/log/containers
mount -t tmpfs none /run && mount --make-shared /run    # sockets and namespaces of containers
mkdir -p /run/netns /run/lock
resolv=$(readlink -m /etc/resolv.conf)
mkdir -p "${resolv%/*}" && { [ -e "$resolv" ] || : > "$resolv"; }
mount --bind "$cluster/resolv.conf" "$resolv"           # no name outside the cluster is looked up, ever

# Each program is started again 3 s after it ended, so that tests may kill it.
start() { # NAME PROGRAM ARG ...
	local name=$1
	shift
	while :; do
		"$@" >> "$cluster/log/$name.log" 2>&1 || echo "$name ended with $? at $(date +%T)"
		sleep 3
	done &
}

start containerd containerd --config "$cluster/containerd.toml"
start etcd etcd --name "$node" --data-dir "$run/etcd" --unsafe-no-fsync --log-level warn \
	--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
	--listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster "$node=http://127.0.0.1:2380"
start kube-apiserver kube-apiserver --etcd-servers http://127.0.0.1:2379 --storage-media-type application/vnd.kubernetes.protobuf \
	--bind-address 0.0.0.0 --secure-port 6443 --advertise-address "$node_ip" --service-cluster-ip-range "$svc_cidr" \
	--tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" --client-ca-file "$pki/ca.crt" \
	--service-account-issuer https://kubernetes.default.svc --service-account-key-file "$pki/sa.pub" --service-account-signing-key-file "$pki/sa.key" \
	--kubelet-client-certificate "$pki/admin.crt" --kubelet-client-key "$pki/admin.key" --kubelet-preferred-address-types InternalIP \
	--requestheader-client-ca-file "$pki/ca.crt" --requestheader-allowed-names front-proxy --proxy-client-cert-file "$pki/front-proxy.crt" --proxy-client-key-file "$pki/front-proxy.key" \
	--requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group --requestheader-extra-headers-prefix X-Remote-Extra- \
	--authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged --profiling=false
until [ -S "$containerd_sock" ]; do sleep 0.1; done
start kubelet kubelet --config "$cluster/kubelet.yaml" --kubeconfig "$pki/kubelet.kubeconfig" --hostname-override "$node" --node-ip "$node_ip"
until curl -ksf -m 2 "https://$node_ip:6443/readyz" > /dev/null; do sleep 0.2; done
start kube-controller-manager kube-controller-manager --kubeconfig "$pki/kube-controller-manager.kubeconfig" --bind-address 127.0.0.1 \
	--leader-elect=false --use-service-account-credentials --service-account-private-key-file "$pki/sa.key" --root-ca-file "$pki/ca.crt" \
	--cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" --kube-api-qps 200 --kube-api-burst 400 --profiling=false
start kube-scheduler kube-scheduler --kubeconfig "$pki/kube-scheduler.kubeconfig" --bind-address 127.0.0.1 --leader-elect=false \
	--kube-api-qps 200 --kube-api-burst 400 --profiling=false
start kube-proxy kube-proxy --config "$cluster/kube-proxy.yaml" --hostname-override "$node"
start kube-lb kube-lb --kubeconfig "$pki/kube-lb.kubeconfig" --pool "$lb_pool" --on-request "$lb_static"
while :; do wait -n || sleep 0.2; done  # reaps what the pods' shims leave behind
