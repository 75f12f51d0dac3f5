#!/bin/bash
# Installs the missing Debian packages that build the images and, for another architecture ARCH, an emulator.
# Starts no service.
set -eu

packages=(buildah mmdebstrap)
if [ "${ARCH:-$(dpkg --print-architecture)}" != "$(dpkg --print-architecture)" ]; then
	packages+=(arch-test qemu-user-static)
fi

if dpkg-query -W -f='${db:Status-Status}\n' "${packages[@]}" 2>&1 | grep -qv '^installed$'; then
	if [ "$(id -u)" != 0 ]; then
		echo "missing Debian packages, run as root: apt-get install ${packages[*]}" >&2
		exit 1
	fi
	echo "installing ${packages[*]} (40 MB)"
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	apt=(apt-get -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5)
	if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		exit 1
	fi
fi
