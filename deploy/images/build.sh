#!/bin/bash
# Builds both images of the Dockerfile into the directory $1: controller.tar and node.tar, which docker load and
# ctr -n k8s.io images import take, and controller.cdx.json and node.cdx.json, the bills of materials (CycloneDX).
#
# VERSION is the tag, CYCLONEDX_GOMOD the program of that name, ARCH the architecture in Debian's words, by default this
# machine's. The bases are made here: Debian with mmdebstrap, from the machine's own apt sources, and for the build stage the
# machine's own Go. Nothing asks an image registry. What has not changed is not built again, and no container is left.
set -eu
cd "$(dirname "$0")/../.."

# mmdebstrap mounts proc, sys and dev. In a mount namespace of its own nobody else sees them, and they end with it.
if [ "${IN_MOUNT_NAMESPACE-}" != yes ]; then
	IN_MOUNT_NAMESPACE=yes exec unshare --mount --propagation private "deploy/images/$(basename "$0")" "$@"
fi

out=$1
work=$out/work # what is no image: bases, storage, logs
mkdir -p "$work"
exec 9>"$work/lock"
flock 9

suite=bookworm
native=$(dpkg --print-architecture)
arch=${ARCH:-$native}
case $arch in
amd64) emulator=qemu-x86_64 ;;
arm64) emulator=qemu-aarch64 ;;
*)
	echo "ARCH is \"$arch\", and can be amd64 or arm64" >&2
	exit 1
	;;
esac
name=glusterfs-csi
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
built_at=$(git log -1 --format=%ct 2>/dev/null || echo 0)

sources() {
	echo "$VERSION $revision $arch $(go version)"
	find Dockerfile go.mod go.sum deploy/images cmd pkg -type f ! -name '*_test.go' -print0 | sort -z | xargs -0 sha256sum
}
hash=$(sources | sha256sum)
if [ "$(cat "$work/built-from" 2>/dev/null)" = "$hash" ] && [ -s "$work/debian-$suite-$arch.tar" ] && [ -e "$out/controller.tar" ] && [ -e "$out/node.tar" ]; then
	echo "images of $VERSION are built"
	exit 0
fi
rm -f "$work/built-from"
mkdir -p "$work/tmp"

# vfs copies files where overlay would mount them, which not every machine can inside of a container.
export BUILDAH_ISOLATION=chroot TMPDIR=$work/tmp
b() { buildah --storage-driver vfs --root "$work/storage" --runroot "$work/storage/run" "$@"; }
registered=
cleanup() {
	[ -z "$registered" ] || echo -1 >"$registered"
	b rm --all >/dev/null || true
	rm -rf --one-file-system "$work/tmp"
}
trap cleanup EXIT

# Debian's packages run their own programs when they are installed. An emulator that the machine does not have is there only
# for this script: see cleanup.
if [ "$arch" != "$native" ] && ! arch-test "$arch" >/dev/null; then
	mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
	cat /usr/lib/binfmt.d/$emulator.conf >/proc/sys/fs/binfmt_misc/register
	registered=/proc/sys/fs/binfmt_misc/$emulator
fi

# No manuals and translations, but the licenses, like Docker's debian:bookworm-slim.
slim=()
for folder in doc man locale info; do
	slim+=("--dpkgopt=path-exclude=/usr/share/$folder/*")
done
slim+=('--dpkgopt=path-include=/usr/share/doc/*/copyright')
# debian makes the base image of an architecture.
debian() {
	local image=localhost/debian-$1:$suite base=$work/debian-$suite-$1.tar sources=/etc/apt/sources.list.d/debian.sources c
	if [ ! -s "$base" ]; then
		echo "=== Debian $suite for $1, until somebody removes $base"
		[ -e $sources ] || sources=/etc/apt/sources.list
		mmdebstrap --quiet --variant=minbase --architectures="$1" "${slim[@]}" "$suite" "$work/tmp/base.tar" $sources
		b rmi --force "$image" localhost/golang:$suite >/dev/null 2>&1 || true
		mv "$work/tmp/base.tar" "$base"
	fi
	if ! b inspect --type image "$image" >/dev/null 2>&1; then
		c=$(b from --arch "$1" scratch)
		b add --quiet "$c" "$base" /
		b config --cmd /bin/sh --arch "$1" "$c"
		b commit --quiet --rm "$c" "$image" >/dev/null
	fi
}
debian "$native"
debian "$arch"
if ! b inspect --type image localhost/golang:$suite >/dev/null 2>&1; then
	# Go itself is mounted when it is needed.
	c=$(b from localhost/debian-"$native":$suite)
	b run "$c" -- sh -c 'apt-get update && apt-get install -y --no-install-recommends ca-certificates' >"$work/golang.log" 2>&1
	b config --env PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env GOPATH=/go "$c"
	b commit --quiet --rm "$c" localhost/golang:$suite >/dev/null
fi

go mod download
for target in controller node; do
	echo "=== $name-$target:$VERSION"
	b bud --quiet --pull-never --platform "linux/$arch" --target $target --iidfile "$work/tmp/image" --timestamp "$built_at" \
		--build-arg BUILDPLATFORM="linux/$native" --build-arg TARGETPLATFORM="linux/$arch" --build-arg GO_BASE=localhost/golang:$suite --build-arg NODE_BASE=localhost/debian-$arch:$suite \
		--build-arg VERSION="$VERSION" --build-arg REVISION="$revision" \
		--volume "$(go env GOROOT):/usr/local/go:ro" --volume "$(go env GOMODCACHE):/go/pkg/mod" \
		--volume "$(go env GOCACHE):/root/.cache/go-build" . >"$work/$target.log" 2>&1 || {
		tail -n 30 "$work/$target.log" >&2
		exit 1
	}
	image=$(cat "$work/tmp/image")
	c=$(b from "$image")
	root=$(b mount "$c")
	"$CYCLONEDX_GOMOD" bin -json -noserial -notimestamp -version "$VERSION" -output "$work/tmp/go.cdx.json" "$root/$name"
	: >"$work/tmp/packages"
	if [ -d "$root/var/lib/dpkg" ]; then
		dpkg-query --admindir="$root/var/lib/dpkg" -W -f='${Package}\t${Version}\t${Architecture}\n' >"$work/tmp/packages"
	fi
	go run ./deploy/images/sbom -name $name-$target -version "$VERSION" -packages "$work/tmp/packages" \
		<"$work/tmp/go.cdx.json" >"$out/$target.cdx.json"
	b umount "$c" >/dev/null
	b rm "$c" >/dev/null

	b push --quiet "$image" "docker-archive:$work/tmp/$target.tar:$name-$target:$VERSION"
	mv "$work/tmp/$target.tar" "$out/$target.tar"
	b rmi "$image" >/dev/null
done

echo "$hash" >"$work/built-from"
for target in controller node; do
	echo "$name-$target:$VERSION: $(du -m --apparent-size "$out/$target.tar" | cut -f1) MiB, in a registry about $(gzip -1 <"$out/$target.tar" | wc -c | awk '{printf "%d", $1 / 1048576}') MiB: $out/$target.tar"
done
