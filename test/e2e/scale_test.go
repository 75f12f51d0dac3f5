package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	goclient "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"
	"golang.org/x/sync/errgroup"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// TestHundredClaims creates a hundred volumes at once in a Heketi with the mock executor, so that it measures everything but
// gluster: Kubernetes, the sidecars, the driver, and Heketi's own bookkeeping. The figures are only logged.
func TestHundredClaims(t *testing.T) {
	const count = 100
	theDriver(t)
	heketi := cluster.Lab().SecondHeketi()
	idle := controllerMemory(t)
	direct := directly(t, heketi, count)

	since := auditMark(t)
	begin := time.Now()
	b := newBatch(t, "hundred", driver.ArchiveClass, heketi, count)
	b.waitBound()
	took := time.Since(begin)
	b.complete()
	t.Logf("%d claims bound after %.1f s; Heketi alone makes as many volumes in %.1f s: %.1f times that",
		count, took.Seconds(), direct.Seconds(), took.Seconds()/direct.Seconds())
	made := auditCount(t, since)
	t.Logf("requests of the controller to the API server for each claim, until bound: %s", made.per(count))
	loaded := controllerMemory(t)
	for _, name := range []string{driverProcess, provisionerProcess, resizerProcess} {
		t.Logf("memory of %s: %d MiB idle, %d MiB with %d volumes", name, idle[name]>>10, loaded[name]>>10, count)
	}

	since, begin = auditMark(t), time.Now()
	b.remove()
	t.Logf("%d volumes deleted after %.1f s", count, time.Since(begin).Seconds())
	t.Logf("requests of the controller to the API server for each claim, until deleted: %s", auditCount(t, since).per(count))
	out, err := heketi.CLI(t.Context(), "volume", "list")
	ok(t, err)
	if strings.Contains(string(out), "Id:") {
		t.Errorf("volumes are left in Heketi:\n%s", out)
	}
}

// directly creates the same number of volumes without Kubernetes and the driver, eight at a time like the driver, deletes them
// again, and returns how long their creation took.
func directly(t *testing.T, heketi *lab.Heketi, count int) time.Duration {
	t.Helper()
	options := goclient.DefaultClientOptions()
	options.PollDelay = 10 // milliseconds
	client := goclient.NewClientWithOptions(heketi.URL, lab.HeketiUser, lab.HeketiKey, options)
	transport := &http.Transport{DialContext: cluster.Lab().DialContext}
	defer transport.CloseIdleConnections()
	client.SetClientFunc(func(_ *tls.Config, redirect goclient.CheckRedirectFunc) (goclient.HttpPerformer, error) {
		return &http.Client{Transport: transport, CheckRedirect: redirect}, nil
	})
	ids := make([]string, count)
	begin := time.Now()
	var create errgroup.Group
	create.SetLimit(8)
	for i := range count {
		create.Go(func() error {
			request := &api.VolumeCreateRequest{Name: fmt.Sprintf("direct-%d", i), Size: 1}
			request.Durability.Type = api.DurabilityReplicate
			request.Durability.Replicate.Replica = 3
			v, err := client.VolumeCreate(request)
			if err == nil {
				ids[i] = v.Id
			}
			return err
		})
	}
	ok(t, create.Wait())
	took := time.Since(begin)
	var remove errgroup.Group
	remove.SetLimit(8)
	for _, id := range ids {
		remove.Go(func() error { return client.VolumeDelete(id) })
	}
	ok(t, remove.Wait())
	return took
}
