#!/bin/bash
# Gathers a release in the directory $1: binaries for both architectures, the charts, the bills of materials of the driver's images in
# $2 and of the storage images in $3, and the checksums of all these files. The other arguments are the flags of go build.
#
# The program glusterfs-storage is only in images: it runs beside GlusterFS or Heketi.
set -eu
cd "$(dirname "$0")/../.."
out=$1 images=$2 storage_images=$3
shift 3

rm -rf "$out"
mkdir -p "$out"
for arch in amd64 arm64; do
	CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build "$@" -o "$out/glusterfs-csi-linux-$arch" ./cmd/glusterfs-csi
done
build/bin/helm package charts/glusterfs-csi charts/glusterfs-storage --destination "$out" >/dev/null

# bills DIRECTORY PREFIX TARGET... copies the bills of materials of images, each under the name of its image.
bills() {
	local directory=$1 prefix=$2 target
	shift 2
	for target in "$@"; do
		if [ ! -s "$directory/$target.cdx.json" ]; then
			echo "there is no bill of materials $directory/$target.cdx.json" >&2
			exit 1
		fi
		cp "$directory/$target.cdx.json" "$out/$prefix-$target.cdx.json"
	done
}
bills "$images" glusterfs-csi controller node
bills "$storage_images" glusterfs-storage gluster heketi

cd "$out"
sha256sum -- * >SHA256SUMS
sha256sum --check --quiet SHA256SUMS
cat SHA256SUMS
