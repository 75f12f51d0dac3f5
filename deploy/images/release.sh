#!/bin/bash
# Gathers a release in the directory $1: binaries for both architectures, the charts, the bills of materials of the images in $2, and
# their checksums. The other arguments are the flags of go build.
set -eu
cd "$(dirname "$0")/../.."
out=$1 images=$2
shift 2

rm -rf "$out"
mkdir -p "$out"
for arch in amd64 arm64; do
	CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build "$@" -o "$out/glusterfs-csi-linux-$arch" ./cmd/glusterfs-csi
done
build/bin/helm package charts/glusterfs-csi charts/glusterfs-storage --destination "$out" >/dev/null
for target in controller node; do
	if [ ! -s "$images/$target.cdx.json" ]; then
		echo "there is no bill of materials $images/$target.cdx.json" >&2
		exit 1
	fi
	cp "$images/$target.cdx.json" "$out/glusterfs-csi-$target.cdx.json"
done
cd "$out"
sha256sum -- * >SHA256SUMS
sha256sum --check --quiet SHA256SUMS
cat SHA256SUMS
