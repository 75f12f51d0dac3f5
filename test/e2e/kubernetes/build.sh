#!/bin/bash
# Builds the programs of the end-to-end tests and prints the directory that holds them. Without KUBERNETES, these are those
# of test/e2e/tools/build.sh. KUBERNETES=1.30 asks for another version, one of the files 1.*.mod of this directory: control
# plane, kubelet, kube-proxy, the storage suite and its ginkgo are then of that version, and everything else is a link to the
# former. That is done once for each state of what the version is made of; cold, it takes 5 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")"
want=${KUBERNETES-}
[ -n "$want" ] || exec ../tools/build.sh
modules=$want.mod
case $modules in 1.*) ;; *) modules= ;; esac
if [ ! -f "$modules" ]; then
	known=(1.*.mod)
	echo "KUBERNETES: there is no Kubernetes \"$want\" here; there are: ${known[*]%.mod}" >&2
	exit 2
fi
tools=$(../tools/build.sh)
export GOWORK=off GOFLAGS="-mod=readonly -buildvcs=false -trimpath -modfile=$modules" CGO_ENABLED=0

cache=$(dirname "$tools")
hash=$( (go version; echo "$tools $want"; find build.sh components unused "$want".* -type f | LC_ALL=C sort | xargs sha256sum) | sha256sum | cut -c1-16)
target=$cache/$hash
exec 9>"$cache/lock"
flock 9
if [ -d "$target" ]; then
	touch "$target"
	echo "$target"
	exit
fi
echo "building Kubernetes $want and its storage test suite: once; about 5 minutes on two cores" >&2
new=$cache/new
rm -rf "$new"
mkdir "$new"
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${version#v}"
package=k8s.io/component-base/version
flags="-s -w -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"

ln -s "$tools"/* "$new/"
rm "$new"/{kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy,kubelet,ginkgo,storage-e2e.test}
go build -tags providerless -ldflags "$flags" -o "$new/" ./components
go build -o "$new/" github.com/onsi/ginkgo/v2/ginkgo
go test -c -tags providerless -ldflags "$flags" -o "$new/storage-e2e.test" ./storage-e2e
for component in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet; do
	ln -s components "$new/$component"
done
mv "$new" "$target"
echo "$target"
