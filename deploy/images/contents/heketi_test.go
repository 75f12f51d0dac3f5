package contents

import (
	"os/exec"
	"strings"
	"testing"
)

func TestHeketi(t *testing.T) {
	heketi := unpackImage(t, "heketi")
	checkImage(t, heketi, "heketi", config{Entrypoint: []string{"/usr/bin/heketi"}, User: "65532:65532"})
	checkBill(t, "heketi", "github.com/glusterfs-csi/glusterfs-csi", "github.com/heketi/heketi", "github.com/boltdb/bolt",
		"std", "ca-certificates")
	for _, name := range []string{
		"etc/ssl/certs/ca-certificates.crt", "usr/share/doc/heketi/LICENSE", "usr/share/doc/heketi/COPYING-GPLV2", "usr/share/doc/heketi/COPYING-LGPLV3",
	} {
		if info, err := heketi.stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	heketi.native(t)
	for _, name := range []string{"/usr/bin/heketi", "/usr/bin/heketi-cli"} {
		out, err := exec.CommandContext(t.Context(), "chroot", "--userspec", heketi.config.User, heketi.root, name, "--version").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "v10.3.0") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}
