#!/bin/bash
# Makes the lab's image of GlusterFS, $2/gluster.tar, from the real one, $1/gluster.tar. Both have the same name. The lab's stand-ins
# (test/lab/standin) replace LVM, because test machines often have a kernel without device-mapper, and gsyncd, which glusterd asks for
# its version. Nothing else differs.
#
# WORK is the directory of bases and storage (deploy/images/build.sh), by default $2/work.
set -eu
self=$(readlink -f "$0")
cd "$(dirname "$self")/../../.."
. deploy/images/buildah.sh

in=$(readlink -f "$1/gluster.tar")
out=$2/gluster.tar
standins=test/lab/standin
mkdir -p "$2"
use_work "${WORK:-$2/work}"

hash=$(sha256sum "$in" $standins/lvm $standins/gsyncd deploy/images/buildah.sh "$self" | cut -d ' ' -f 1 | sha256sum)
if [ "$(cat "$2/made-from" 2>/dev/null)" = "$hash" ] && [ -e "$out" ]; then
	echo "$out is made"
	exit 0
fi
rm -f "$2/made-from"
name=$(tar -xOf "$in" manifest.json | sed -n 's/.*"RepoTags":\["\([^"]*\)".*/\1/p')
if [ -z "$name" ]; then
	echo "$in has no name of an image: remove it and run make storage-images" >&2
	exit 1
fi

start_buildah
b pull --quiet "docker-archive:$in" >"$work/tmp/image"
c=$(b from --pull-never "$(cat "$work/tmp/image")")
root=$(b mount "$c")
gsyncd=$(cd "$root" && echo usr/lib/*/glusterfs/gsyncd)
b umount "$c" >/dev/null
# Bash leaves a glob without a match unchanged.
case $gsyncd in *'*'* | *' '*)
	echo "where is gsyncd in $in? Found: $gsyncd" >&2
	exit 1
	;;
esac
b copy --quiet --chmod 755 "$c" $standins/lvm /usr/sbin/lvm
b copy --quiet --chmod 755 "$c" $standins/gsyncd "/$gsyncd"
b commit --quiet --rm --iidfile "$work/tmp/made" "$c" >/dev/null
b push --quiet "$(cat "$work/tmp/made")" "docker-archive:$work/tmp/gluster.tar:$name"
mv "$work/tmp/gluster.tar" "$out"
b rmi --force "$(cat "$work/tmp/made")" "$(cat "$work/tmp/image")" >/dev/null
echo "$hash" >"$2/made-from"
echo "$out: $name with the lab's stand-ins"
