package storagetest

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// FreePort returns a port of the loopback interface that nothing listens on.
func FreePort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// Heketi runs a real Heketi server whose executor is a mock.
type Heketi struct {
	Program string
	Port    string
	Key     string // the admin key
	Log     io.Writer
}

// Start starts Heketi with a database. It writes Heketi's configuration to the file config.
func (h Heketi) Start(t *testing.T, config, database string) (*lab.Child, error) {
	t.Helper()
	content := `{"port": "` + h.Port + `", "jwt": {"admin": {"key": "` + h.Key + `"}, "user": {"key": "u"}}, "glusterfs": {"executor": "mock", "db": "` + database + `", "loglevel": "warning"}}`
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), h.Program, "--config="+config) // #nosec G204 -- of a test
	cmd.Stdout, cmd.Stderr = h.Log, h.Log
	return lab.StartChild(cmd)
}
