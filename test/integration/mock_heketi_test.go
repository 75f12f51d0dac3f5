package integration_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// controller is glusterfs-csi controller in a separate process, with one backend, named mock.
type controller struct {
	*testing.T
	csi.ControllerClient
	config string
	key    string // the key's file; "" means none
}

// newController starts a controller. settings are the backend's, one a line, without name, user and keyFile.
func newController(t *testing.T, settings ...string) *controller {
	t.Helper()
	dir := t.TempDir()
	c := &controller{T: t, config: filepath.Join(dir, "config.yaml"), key: labtest.KeyFile(t)}
	c.configure(settings...)
	socket := filepath.Join(dir, "csi.sock")
	program, err := filepath.Abs("../../build/bin/glusterfs-csi")
	if err != nil {
		t.Fatal(err)
	}
	child, err := lab.StartChild(exec.CommandContext(context.Background(), program, "controller", "--endpoint=unix://"+socket, "--config="+c.config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := child.Kill(); err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c.ControllerClient = csi.NewControllerClient(conn)
	return c
}

// configure writes the configuration, which the controller checks before each call.
func (c *controller) configure(settings ...string) {
	c.Helper()
	if c.key != "" {
		settings = append([]string{"keyFile: " + c.key}, settings...)
	}
	settings = append([]string{"backends:\n- name: mock", "user: " + lab.HeketiUser}, settings...)
	text := strings.Join(settings, "\n  ") + "\n"
	if err := os.WriteFile(c.config+".new", []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
	if err := os.Rename(c.config+".new", c.config); err != nil {
		c.Fatal(err)
	}
}

// create requests a volume of 1 GiB.
func (c *controller) create(name string, parameters map[string]string) (*csi.Volume, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	answer, err := c.CreateVolume(ctx, &csi.CreateVolumeRequest{
		Name: name, Parameters: parameters, CapacityRange: &csi.CapacityRange{RequiredBytes: 1 << 30},
		VolumeCapabilities: []*csi.VolumeCapability{{
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER},
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
		}},
	})
	return answer.GetVolume(), err
}

func (c *controller) mustCreate(name string, parameters map[string]string) *csi.Volume {
	c.Helper()
	v, err := c.create(name, parameters)
	if err != nil {
		c.Fatal(err)
	}
	return v
}

func (c *controller) mustDelete(id string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := c.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: id}); err != nil {
		c.Error(err)
	}
}

// refused checks an error's code and the parts of its message.
func (c *controller) refused(err error, code codes.Code, says ...string) {
	c.Helper()
	if status.Code(err) != code {
		c.Errorf("answer is %s, want %s: %v", status.Code(err), code, err)
	}
	for _, part := range says {
		if message := status.Convert(err).Message(); !strings.Contains(message, part) {
			c.Errorf("the message does not say %q: %s", part, message)
		}
	}
}

// volumesIn returns the ids of Heketi's volumes, as heketi-cli lists them.
func volumesIn(t *testing.T, server *lab.MockHeketi) string {
	t.Helper()
	return labtest.CLI(t, server, "volume", "list")
}
