#!/bin/bash
# Usage: client-files.sh RELEASE DIRECTORY
# Unpacks the GlusterFS client of a release of Debian, and the libraries that it needs, into a directory. The packages come
# from the machine's own apt sources, with the release's name in place of the machine's.
set -euo pipefail
release=$1 dir=$2
if [ -e "$dir/usr/sbin/glusterfs" ]; then
	exit
fi
rm -rf --one-file-system "$dir"
mkdir -p "$dir.sources"
trap 'rm -rf "$dir.sources"' EXIT
sources=/etc/apt/sources.list.d/debian.sources
[ -e $sources ] || sources=/etc/apt/sources.list
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
sed "s/\b$own\b/$release/g" $sources >"$dir.sources/${sources##*/}"
mmdebstrap --quiet --variant=extract --include=glusterfs-client "$release" "$dir" "$dir.sources/${sources##*/}"
