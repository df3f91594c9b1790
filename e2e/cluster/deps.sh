#!/usr/bin/env bash
# Installs the Debian packages that the cluster's scripts call. Usage: deps.sh [PACKAGE ...]
set -euo pipefail
want=("$@")
[ $# -gt 0 ] || want=(containerd runc containernetworking-plugins nftables iptables iproute2 util-linux openssl jq curl mmdebstrap ca-certificates procps patchelf)
missing=()
for package in "${want[@]}"; do
	dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit
echo "installing ${missing[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
