package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// connect opens the three CSI sockets, as an orchestrator does.
func (d *demo) connect() (closeAll func(), err error) {
	var open []*grpc.ClientConn
	closeAll = func() {
		for _, conn := range open {
			_ = conn.Close()
		}
	}
	conn, err := d.lab.Controller().Dial()
	if err != nil {
		return nil, err
	}
	open = append(open, conn)
	d.controller = csi.NewControllerClient(conn)
	for i := 1; i <= lab.ClientNodes; i++ {
		conn, err := d.lab.NodePlugin(i).Dial()
		if err != nil {
			closeAll()
			return nil, err
		}
		open = append(open, conn)
		n := &node{Machine: d.lab.Node(i), NodeClient: csi.NewNodeClient(conn)}
		n.staging = filepath.Join(d.lab.NodeDir(i), "staging")
		n.target = filepath.Join(d.lab.NodeDir(i), "pod", "website")
		// The orchestrator makes the staging directory, and the parent of the target (CSI spec, NodeStageVolumeRequest).
		for _, dir := range []string{n.staging, filepath.Dir(n.target)} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				closeAll()
				return nil, fmt.Errorf("prepare node %d: %w", i, err)
			}
		}
		d.nodes = append(d.nodes, n)
	}
	return closeAll, nil
}

// shared returns the capability of a volume that many nodes read and write.
func shared() *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER},
	}
}
