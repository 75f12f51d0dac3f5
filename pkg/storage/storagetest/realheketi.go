package storagetest

import (
	"context"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// HeldPort returns a port for a server that listens later, perhaps several times. Until the test ends, the kernel gives it to no
// program that asks for any port.
func HeldPort(t *testing.T) *lab.Port {
	t.Helper()
	port, err := lab.HoldPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Close() })
	return port
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
