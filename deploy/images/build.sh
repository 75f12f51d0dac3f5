#!/bin/bash
# Builds images of the Dockerfile into the directory $1. Each further argument is a target (see describe). The image of a target
# becomes TARGET.tar, for docker load or ctr -n k8s.io images import, and its bill of materials (CycloneDX) TARGET.cdx.json.
#
# Variables:
#   VERSION          the tag
#   CYCLONEDX_GOMOD  the program of that name
#   ARCH             the architecture under Debian's name; by default this machine's
#   NODE_DEBIAN      the Debian release of the node plugin's image, which determines the version of the GlusterFS client; by default
#                    bookworm
#   WORK             the directory of bases and storage, which calls may share; by default $1/work
#
# The bases are made here: Debian with mmdebstrap, from the machine's own apt sources, and for the build stage the machine's own
# Go. No image registry is used. Targets whose inputs have not changed are not built again, and no container remains.
# docs/releasing.md says why the versions of Debian's packages and of Go are not pinned. The bills of materials record them.
set -eu
self=$(readlink -f "$0")
cd "$(dirname "$self")/../.."
. deploy/images/buildah.sh

out=$1
shift
mkdir -p "$out"
use_work "${WORK:-$out/work}"

suite=bookworm
node_suite=${NODE_DEBIAN:-$suite}
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
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
built_at=$(git log -1 --format=%ct 2>/dev/null || echo 0)

# describe sets name, inputs, binaries and base for a target: the name of its image, the sources that not all targets share, the Go
# binaries in the image, and the release of Debian beneath it. A module in several binaries is in the bill of materials once, as the
# first binary has it.
describe() {
	base=$suite
	case $1 in
	controller | node)
		name=glusterfs-csi-$1
		inputs=(cmd/glusterfs-csi)
		binaries=(/glusterfs-csi)
		[ "$1" != node ] || base=$node_suite
		;;
	gluster)
		name=glusterfs-storage-gluster
		inputs=(cmd/glusterfs-storage deploy/gluster deploy/images/gluster)
		binaries=(/glusterfs-storage)
		;;
	heketi)
		name=glusterfs-storage-heketi
		inputs=(cmd/glusterfs-storage deploy/heketi)
		binaries=(/usr/bin/heketi /usr/bin/heketi-cli /glusterfs-storage)
		;;
	*)
		echo "there is no target \"$1\", but controller, node, gluster and heketi" >&2
		exit 1
		;;
	esac
}

sources() {
	echo "$VERSION $revision $arch $(go version)"
	[ "$base" = "$suite" ] || echo "$base"
	find Dockerfile .dockerignore go.mod go.sum deploy/images/{build,buildah}.sh deploy/images/sbom pkg "${inputs[@]}" -type f ! -name '*_test.go' -print0 | sort -z | xargs -0 sha256sum
}
targets=()
for target in "$@"; do
	describe "$target"
	hash=$(sources | sha256sum)
	if [ "$(cat "$work/$target.built-from" 2>/dev/null)" = "$hash" ] && [ -s "$work/debian-$base-$arch.tar" ] && [ -e "$out/$target.tar" ] && [ -e "$out/$target.cdx.json" ]; then
		echo "$name:$VERSION is built"
	else
		rm -f "$work/$target.built-from"
		targets+=("$target")
	fi
done
[ ${#targets[@]} -gt 0 ] || exit 0

start_buildah

# Debian's packages run their own programs when they are installed. An emulator that the machine lacks is registered only
# while this script runs: see clean_up.
if [ "$arch" != "$native" ] && ! arch-test "$arch" >/dev/null; then
	mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
	cat /usr/lib/binfmt.d/$emulator.conf >/proc/sys/fs/binfmt_misc/register
	registered=/proc/sys/fs/binfmt_misc/$emulator
fi

# Without manuals and translations, but with the licenses, like Docker's debian:bookworm-slim.
slim=()
for folder in doc man locale info; do
	slim+=("--dpkgopt=path-exclude=/usr/share/$folder/*")
done
slim+=('--dpkgopt=path-include=/usr/share/doc/*/copyright')
# debian makes the base image of a release of Debian and an architecture.
debian() {
	local image=localhost/debian-$2:$1 archive=$work/debian-$1-$2.tar sources=/etc/apt/sources.list.d/debian.sources c
	if [ ! -s "$archive" ]; then
		echo "=== Debian $1 for $2, kept until $archive is removed"
		[ -e $sources ] || sources=/etc/apt/sources.list
		# The machine's own sources, for the requested release.
		sed "s/\b$suite\b/$1/g" $sources >"$work/tmp/${sources##*/}"
		mmdebstrap --quiet --variant=minbase --architectures="$2" "${slim[@]}" "$1" "$work/tmp/base.tar" "$work/tmp/${sources##*/}"
		b rmi --force "$image" >/dev/null 2>&1 || true
		[ "$1" != "$suite" ] || b rmi --force localhost/golang:$suite >/dev/null 2>&1 || true
		mv "$work/tmp/base.tar" "$archive"
	fi
	if ! b inspect --type image "$image" >/dev/null 2>&1; then
		c=$(b from --arch "$2" scratch)
		b add --quiet "$c" "$archive" /
		b config --cmd /bin/sh --arch "$2" "$c"
		b commit --quiet --rm "$c" "$image" >/dev/null
	fi
}
debian "$suite" "$native"
for target in "${targets[@]}"; do
	describe "$target"
	debian "$base" "$arch"
done
if ! b inspect --type image localhost/golang:$suite >/dev/null 2>&1; then
	# The image does not contain Go, which the build mounts.
	c=$(b from localhost/debian-"$native":$suite)
	b run "$c" -- sh -c 'apt-get update && apt-get install -y --no-install-recommends ca-certificates' >"$work/golang.log" 2>&1
	b config --env PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env GOPATH=/go "$c"
	b commit --quiet --rm "$c" localhost/golang:$suite >/dev/null
fi

# The command that lists Debian packages in the form that deploy/images/sbom reads.
packages=(dpkg-query -W -f='${Package}\t${Version}\t${Architecture}\n')
# Images without Debian have the root certificates of the build stage's.
c=$(b from localhost/golang:$suite)
b run "$c" -- "${packages[@]}" ca-certificates >"$work/tmp/certificates"
b rm "$c" >/dev/null

# download fills the module cache that the build stages use.
download() { (cd "$1" && go mod download); }

# bill writes the bill of materials of the image whose root directory is $1.
bill() {
	local binary version documents=()
	for binary in "${binaries[@]}"; do
		# Heketi's binaries contain their version, those of this module do not.
		version=(-version "$VERSION")
		case $binary in */heketi*) version=() ;; esac
		documents+=("$work/tmp/${binary##*/}.cdx.json")
		"$CYCLONEDX_GOMOD" bin -json -std -noserial -notimestamp "${version[@]}" -output "${documents[-1]}" "$1$binary"
	done
	if [ -d "$1/var/lib/dpkg" ]; then
		"${packages[@]}" --admindir="$1/var/lib/dpkg" >"$work/tmp/packages"
	else
		cp "$work/tmp/certificates" "$work/tmp/packages"
	fi
	go run ./deploy/images/sbom -name "$name" -version "$VERSION" -packages "$work/tmp/packages" "${documents[@]}"
}

for target in "${targets[@]}"; do
	describe "$target"
	hash=$(sources | sha256sum)
	echo "=== $name:$VERSION"
	download .
	[ "$target" != heketi ] || download deploy/heketi
	b bud --quiet --pull-never --platform "linux/$arch" --target "$target" --iidfile "$work/tmp/image" --timestamp "$built_at" \
		--build-arg BUILDPLATFORM="linux/$native" --build-arg TARGETPLATFORM="linux/$arch" --build-arg GO_BASE=localhost/golang:$suite \
		--build-arg NODE_BASE="localhost/debian-$arch:$node_suite" --build-arg GLUSTER_BASE="localhost/debian-$arch:$suite" \
		--build-arg VERSION="$VERSION" --build-arg REVISION="$revision" \
		--volume "$(go env GOROOT):/usr/local/go:ro" --volume "$(go env GOMODCACHE):/go/pkg/mod" \
		--volume "$(go env GOCACHE):/root/.cache/go-build" . >"$work/$target.log" 2>&1 || {
		tail -n 30 "$work/$target.log" >&2
		exit 1
	}
	image=$(cat "$work/tmp/image")
	c=$(b from "$image")
	bill "$(b mount "$c")" >"$work/tmp/$target.cdx.json"
	b umount "$c" >/dev/null
	b rm "$c" >/dev/null

	b push --quiet "$image" "docker-archive:$work/tmp/$target.tar:$name:$VERSION"
	mv "$work/tmp/$target.cdx.json" "$work/tmp/$target.tar" "$out"
	b rmi "$image" >/dev/null
	echo "$hash" >"$work/$target.built-from"
	echo "$name:$VERSION: $(du -m --apparent-size "$out/$target.tar" | cut -f1) MiB, in a registry about $(gzip -1 <"$out/$target.tar" | wc -c | awk '{printf "%d", $1 / 1048576}') MiB: $out/$target.tar"
done
