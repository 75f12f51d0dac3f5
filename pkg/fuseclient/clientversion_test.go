package fuseclient

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

func TestClientIsAskedForItsVersionIfItMatters(t *testing.T) {
	for _, c := range []struct {
		says, servers string
		want          int
		err           string
	}{
		{says: "glusterfs 11.1", servers: "gluster1 fd00::1", want: 11},
		{says: "glusterfs 10.3", servers: "fd00::1", want: 10},
		{says: "glusterfs 11.1", servers: "gluster1 10.0.0.1", want: 0},
		{says: "hello", servers: "fd00::1", err: "does not print its version"},
		{says: "glusterfs 9999999999999999999.1", servers: "fd00::1", err: "of the GlusterFS client"},
	} {
		client := filepath.Join(t.TempDir(), "glusterfs")
		if err := os.WriteFile(client, []byte("#!/bin/sh\necho '"+c.says+"'\n"), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
		m := &Manager{cfg: Config{Glusterfs: client}}
		got, err := m.clientMajor(t.Context(), mount.Reachable{Servers: strings.Fields(c.servers)})
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("a client that prints %q, servers %s: %d, %v; want %d, %q", c.says, c.servers, got, err, c.want, c.err)
		}
	}
}
