package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	goclient "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// rig is a Heketi with many volumes and a mock executor, and a controller that uses it. Its bench has no lab.
type rig struct {
	*bench
	heketi  *lab.MockHeketi
	admin   *goclient.Client
	process int
	close   func() error
}

// withRig runs a family on a rig with n volumes. It always ends the rig.
func (b *bench) withRig(ctx context.Context, n int, run func(context.Context, *rig) ([]row, error)) (rows []row, err error) {
	dir, err := filepath.Abs(b.rigDir())
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	heketi, err := filledHeketi(ctx, dir, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, heketi.Stop()) }()
	r := &rig{bench: &bench{dir: b.dir, driver: b.driver, pairs: b.pairs}, heketi: heketi, admin: newAdmin(heketi.URL)}
	if err := r.startController(ctx, dir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	return run(ctx, r)
}

// rigDir returns a directory beside the lab's.
func (b *bench) rigDir() string { return b.dir + "-mock" }

// filledHeketi starts a Heketi with n volumes. Its database is in memory, so that the disk does not affect the figures.
func filledHeketi(ctx context.Context, dir string, n int) (*lab.MockHeketi, error) {
	heketi, err := lab.StartMockHeketi(ctx, dir)
	if err != nil {
		return nil, err
	}
	if err := fill(ctx, heketi, n); err != nil {
		return nil, errors.Join(fmt.Errorf("filling Heketi with %d volumes: %w", n, err), heketi.Stop())
	}
	return heketi, nil
}

func fill(ctx context.Context, heketi *lab.MockHeketi, n int) error {
	request := &api.VolumeCreateRequest{Name: original(), Size: 1, Gid: 2000}
	request.Durability.Type, request.Durability.Replicate.Replica = api.DurabilityReplicate, 3
	request.Snapshot.Enable, request.Snapshot.Factor = true, 1 // as in the driver's requests
	admin := newAdmin(heketi.URL)
	if _, err := admin.VolumeCreate(request); err != nil {
		return err
	}
	dump, err := admin.DbDump()
	if err != nil {
		return err
	}
	many, err := filled([]byte(dump), n)
	if err != nil {
		return err
	}
	return heketi.Import(ctx, many)
}

// newAdmin returns Heketi's own client, within this process.
func newAdmin(url string) *goclient.Client {
	return goclient.NewClientWithOptions(url, lab.HeketiUser, lab.HeketiKey, goclient.DefaultClientOptions())
}

// startController starts the driver as an administrator would, and connects to it.
func (r *rig) startController(ctx context.Context, dir string) error {
	key, config, socket := filepath.Join(dir, "key"), filepath.Join(dir, "config.yaml"), filepath.Join(dir, "csi.sock")
	if err := os.WriteFile(key, []byte(lab.HeketiKey), 0o600); err != nil {
		return err
	}
	text := fmt.Sprintf("backends:\n- name: mock\n  url: %s\n  keyFile: %s\n", r.heketi.URL, key)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "controller.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(context.WithoutCancel(ctx), r.driver, "controller", "--endpoint=unix://"+socket, "--config="+config)
	cmd.Stdout, cmd.Stderr = log, log
	child, err := lab.StartChild(cmd)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return errors.Join(err, child.Kill())
	}
	r.process, r.controller = child.Pid(), csi.NewControllerClient(conn)
	r.close = func() error { return errors.Join(conn.Close(), child.Kill()) }
	ready, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if _, err := csi.NewIdentityClient(conn).Probe(ready, &csi.ProbeRequest{}, grpc.WaitForReady(true)); err != nil {
		return errors.Join(fmt.Errorf("the controller does not answer, see %s: %w", log.Name(), err), r.close())
	}
	return nil
}
