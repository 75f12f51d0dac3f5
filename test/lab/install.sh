#!/bin/bash
# Installs the missing Debian packages that the lab, the test of the firewall rules (nftables) and the race detector (gcc) need. The
# argument "kubernetes" adds those of a Kubernetes in the lab and of the images for it. Starts no service.
set -eu

packages=(glusterfs-server glusterfs-client xfsprogs attr openssh-server openssl lvm2 iproute2 nftables util-linux gcc libc6-dev)
if [ "${1-}" = kubernetes ]; then
	packages+=(containerd runc containernetworking-plugins iptables mmdebstrap)
fi

missing=()
for package in "${packages[@]}"; do
	if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
		missing+=("$package")
	fi
done
if [ ${#missing[@]} = 0 ]; then
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "missing Debian packages, run as root: apt-get install ${missing[*]}" >&2
	exit 1
fi

echo "installing ${missing[*]} (the whole set is about 40 MB, with Kubernetes 100 MB, and takes half a minute)"

# The lab has its own glusterd and sshd; the packages must not start the machine's.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
fi

log=$(mktemp)
run() {
	if ! DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null; then
		echo "failed: $*" >&2
		tail -n 20 "$log" >&2
		rm -f "$log"
		exit 1
	fi
}
# Another apt may hold the lock, and mirrors fail for a moment.
apt=(apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5)
run "${apt[@]}" update
run "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
rm -f "$log"
