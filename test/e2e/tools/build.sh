#!/bin/bash
# Builds the programs of the end-to-end tests, once for each state of this directory, and prints where they are:
#   E2E_TOOLS_CACHE, by default ~/.cache/glusterfs-csi/e2e-tools, and there a directory named by a hash.
# Cold, that takes 10 minutes on two cores, and 3 GB in Go's build cache. The cache of the programs lies outside the
# repository so that "make clean" and a second clone do not cost them again.
set -euo pipefail
cd "$(dirname "$0")"
export GOWORK=off GOFLAGS='-mod=readonly -buildvcs=false -trimpath' CGO_ENABLED=0

cache=${E2E_TOOLS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/glusterfs-csi/e2e-tools}
hash=$( (go version; find . -type f | LC_ALL=C sort | xargs sha256sum) | sha256sum | cut -c1-16)
target=$cache/$hash
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ -d "$target" ]; then
	touch "$target"
	echo "$target"
	exit
fi
# What no clone has used for a month.
find "$cache" -mindepth 1 -maxdepth 1 -type d -regextype posix-extended -regex '.*/[0-9a-f]{16}' -mtime +30 -exec rm -rf {} +

echo "building Kubernetes, the CSI sidecars and the storage test suite: once; about 10 minutes on two cores" >&2
rm -rf "$cache/new"
mkdir "$cache/new"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${version#v}"
package=k8s.io/component-base/version
flags="-s -w -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"

go build -ldflags "$flags" -o "$cache/new/" ./kube-aio ./registrar-stand-in ./livenessprobe-stand-in tool
go test -c -ldflags "$flags" -o "$cache/new/storage-e2e.test" ./storage-e2e
for component in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet; do
	ln -s kube-aio "$cache/new/$component"
done
gcc -Os -static -DVERSION=3.10.2 -o "$cache/new/pause" "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c"
mv "$cache/new" "$target"
echo "$target"
