package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	csisanity "github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/glusterfs-csi/glusterfs-csi/test/sanity"
)

// TestSanity runs csi-sanity with a controller and a node that are two processes on two machines, and with real mounts.
func TestSanity(t *testing.T) {
	r := newRig(t)
	n := r.nodes[0]
	before := r.volumeNames()
	config := csisanity.NewTestConfig()
	config.Address = n.plugin.Endpoint
	config.ControllerAddress = r.lab.Controller().Endpoint
	config.DialOptions = append(config.DialOptions, grpc.WithUnaryInterceptor(r.withController))
	config.TestVolumeSize = gib
	config.TestVolumeParameters = single()
	config.TargetPath = filepath.Join(n.dir, "sanity-target")
	config.StagingPath = filepath.Join(n.dir, "sanity-staging")
	// The host can make directories for the node, but does not see the node's mounts.
	makeDirectory := func(path string) (string, error) { return path, os.Mkdir(path, 0o755) }
	remove := func(path string) error {
		if found := r.mounts(n, path); len(found) > 0 {
			return fmt.Errorf("still mounted: %s", describe(found))
		}
		return os.Remove(path)
	}
	config.CreateTargetDir, config.CreateStagingDir = makeDirectory, makeDirectory
	config.RemoveTargetPath, config.RemoveStagingPath = remove, remove
	config.CheckPath = func(path string) (csisanity.PathKind, error) { return pathKind(r.inside(n, path)) }
	sanity.Run(t, config)

	r.notMounted(n, filepath.Dir(n.dir))
	r.noClient(n, "")
	r.noState(n)
	if after := r.volumeNames(); len(after) != len(before) {
		r.Errorf("Heketi's volumes were %v and are %v", before, after)
	}
}

// withController lets the suite find the controller. The suite asks the node's process for the driver's capabilities; that
// process rightly has no controller, so the suite would skip the tests that need both.
func (r *rig) withController(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if method == csi.Identity_GetPluginCapabilities_FullMethodName {
		answer, err := r.identity.GetPluginCapabilities(ctx, request.(*csi.GetPluginCapabilitiesRequest), opts...)
		proto.Merge(reply.(proto.Message), answer)
		return err
	}
	return invoke(ctx, method, request, reply, conn, opts...)
}

func pathKind(path string) (csisanity.PathKind, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return csisanity.PathIsNotFound, nil
	case err != nil:
		return "", err
	case info.IsDir():
		return csisanity.PathIsDir, nil
	case info.Mode().IsRegular():
		return csisanity.PathIsFile, nil
	}
	return csisanity.PathIsOther, nil
}
