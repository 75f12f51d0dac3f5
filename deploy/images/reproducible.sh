#!/bin/bash
# Builds the programs in two directories with the given flags of go build, the second time with a separate build cache,
# and compares the bytes.
set -eu
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
first=$work/first second=$work/the/second/directory
mkdir -p "$first" "$second"
cp -r cmd pkg go.mod go.sum "$first"
cp -r cmd pkg go.mod go.sum "$second"

for arch in amd64 arm64; do
	export CGO_ENABLED=0 GOOS=linux GOARCH=$arch
	for program in glusterfs-csi glusterfs-storage; do
		(cd "$first" && go build "$@" -o "$work/$arch.1" ./cmd/$program)
		(cd "$second" && GOCACHE=$work/cache go build "$@" -o "$work/$arch.2" ./cmd/$program)
		cmp "$work/$arch.1" "$work/$arch.2"
		echo "$program for $arch: $(stat -c %s "$work/$arch.1") bytes, sha256 $(sha256sum <"$work/$arch.1" | cut -c1-64), twice"
	done
done
