# Shared by the scripts that make images: functions that run buildah, with its storage in a directory that several calls may use. Such a
# script sets "self" to its own path, changes to the module's directory and reads this file.

# mmdebstrap mounts proc, sys and dev. In a separate mount namespace no other process sees them, and they end with it.
if [ "${IN_MOUNT_NAMESPACE-}" != yes ]; then
	IN_MOUNT_NAMESPACE=yes exec unshare --mount --propagation private "$self" "$@"
fi

# use_work makes $1 the directory of bases, storage and logs, and locks it until the script ends.
use_work() {
	work=$1
	mkdir -p "$work"
	exec 9>"$work/lock"
	flock 9
}

# start_buildah prepares buildah and makes $work/tmp, which the end of the script removes.
start_buildah() {
	mkdir -p "$work/tmp"
	# vfs copies files where overlay would mount them, which some machines cannot do inside a container.
	export BUILDAH_ISOLATION=chroot TMPDIR=$work/tmp
	trap clean_up EXIT
}
b() { buildah --storage-driver vfs --root "$work/storage" --runroot "$work/storage/run" "$@"; }

registered= # the emulator in /proc/sys/fs/binfmt_misc to remove
clean_up() {
	[ -z "$registered" ] || echo -1 >"$registered"
	b rm --all >/dev/null || true
	rm -rf --one-file-system "$work/tmp"
}
