#!/bin/sh
# A hook of glusterd that preserves the mode and owner of every directory when a volume is expanded for the first time.
#
# While a volume has one set of bricks, GlusterFS does not mark its directories as it does with several sets. After
# add-brick, a client that looks at an unmarked directory twice assumes that mode 0000 and owner root are right, and
# writes them to all bricks (seen with GlusterFS 10.3; gluster/glusterfs#3064). This hook marks the directories on the
# server's own bricks just before: the root directory with its layout, all others with the attribute that names their
# metadata server.
#
# Install it on every gluster server, executable, in /var/lib/glusterd/hooks/1/add-brick/pre. It needs find, and getfattr and
# setfattr of the package attr.
set -u

volume='' state=/var/lib/glusterd
for argument in "$@"; do
	case $argument in
	--volname=*) volume=${argument#*=} ;;
	--gd-workdir=*) state=${argument#*=} ;;
	esac
done
info=$state/vols/$volume/info
[ -n "$volume" ] && [ -r "$info" ] || exit 0

bricks=$(sed -n 's/^count=//p' "$info")
set=$(sed -n 's/^sub_count=//p' "$info")
[ "${set:-0}" -gt 0 ] || set=1
[ "${bricks:-0}" -eq "$set" ] || exit 0 # several sets: all is marked

sed -n 's/^path=//p' "$state/vols/$volume/bricks"/* | while read -r brick; do
	[ -d "$brick/.glusterfs" ] || continue # another server's
	getfattr -h -n trusted.glusterfs.dht "$brick" >/dev/null 2>&1 ||
		setfattr -h -n trusted.glusterfs.dht -v 0x000000000000000000000000ffffffff "$brick"
	find "$brick" -mindepth 1 -path "$brick/.glusterfs" -prune -o -type d \
		-exec setfattr -h -n trusted.glusterfs.dht.mds -v 0x00000000 {} +
done
