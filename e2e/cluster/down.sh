#!/usr/bin/env bash
# Stops the cluster and leaves nothing behind but the cache: $cluster/bin and $cluster/images. Usage: down.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=settings.sh
. "$here/settings.sh"
if [ "$(provider)" = kind ]; then exec "$here/kind.sh" down; fi

if pid=$(node_pid); then
	kill -9 "$pid"                      # its child, PID 1 of the node, goes with it, and then every process in there
	while [ -e "/proc/$pid" ]; do sleep 0.1; done
fi
rm -f "$cluster/node.pid" "$cluster/ready"
if [ -e "$cluster/network" ]; then
	ip link del "$link" 2> /dev/null || true
	ip netns del "$name" 2> /dev/null || true
	rm -f "$cluster/network"
fi
if [ -s "$cluster/sysctl.before" ]; then sysctl -qp "$cluster/sysctl.before" && rm -f "$cluster/sysctl.before"; fi
for group in /sys/fs/cgroup/"$name" /sys/fs/cgroup/*/"$name"; do
	[ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2> /dev/null || true
done
if [ -e "$cluster/folders.made" ]; then
	tac "$cluster/folders.made" | while read -r folder; do
		[ "$folder" != /run/netns ] || [ -n "$(ls /run/netns)" ] || umount /run/netns    # ip netns mounted it
		rmdir "$folder" 2> /dev/null || true
	done
fi
rm -rf "$cluster"/{node,log,pki,cni,containerd,containerd-opt,loaded} \
	"$cluster"/{folders.made,provider,kubeconfig,resolv.conf,containerd.toml,kubelet.yaml,kube-proxy.yaml}
