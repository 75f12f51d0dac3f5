package storage

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/clustertest"
)

const (
	// nodePlugins is the DaemonSet of the driver's node plugins.
	nodePlugins = release + "-glusterfs-csi-node"

	ofController  = "app.kubernetes.io/name=glusterfs-csi,app.kubernetes.io/component=controller"
	ofNodePlugins = "app.kubernetes.io/name=glusterfs-csi,app.kubernetes.io/component=node"
	ofServers     = "glusterfs-node=pod"
)

// driverReplaced deletes the controller and all node plugins at once. The next step starts Heketi's pod again, and with it a mount.
func driverReplaced(t *testing.T, i installed) {
	t.Helper()
	controller, plugins := imagesOf(i, ofController, "glusterfs-csi"), imagesOf(i, ofNodePlugins, "glusterfs-csi")
	i.in("delete", "pods", "--selector=app.kubernetes.io/name=glusterfs-csi", patience)
	haveImages(t, i, ofController, "glusterfs-csi", controller)
	haveImages(t, i, ofNodePlugins, "glusterfs-csi", plugins)
	canMakeVolumes(t, "after-driver")
}

// haveImages waits until the pods that are ready have these images, which are as imagesOf returns them.
func haveImages(t *testing.T, i installed, selector, container string, want map[string]int) {
	t.Helper()
	clustertest.Within(t, 3*time.Minute, func() error {
		if got := imagesOf(i, selector, container); !maps.Equal(got, want) {
			return fmt.Errorf("the pods %s that are ready have these images: %v, want %v", selector, got, want)
		}
		return nil
	})
}

// imagesOf returns the images of a container in the pods that are ready, and how many pods have each.
func imagesOf(i installed, selector, container string) map[string]int {
	i.Helper()
	line := `{range .items[*]}{.status.conditions[?(@.type=="Ready")].status} {.spec.containers[?(@.name=="` + container + `")].image}{"\n"}{end}`
	images := map[string]int{}
	for pod := range strings.Lines(i.in("get", "pods", "--selector="+selector, "--output=jsonpath="+line)) {
		if image, ready := strings.CutPrefix(strings.TrimSpace(pod), "True "); ready {
			images[image]++
		}
	}
	return images
}
