package driver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// classLogins reports StorageClasses that have the in-tree plugin's parameters for the login to Heketi. A call does not name its
// class, so a class is identified by its parameters.
type classLogins struct {
	mu       sync.Mutex
	reported map[[sha256.Size]byte]bool
}

const mostReported = 1000 // classes; beyond that, some are reported again

// report logs once for each class which parameters to remove from it.
func (c *classLogins) report(ctx context.Context, spec volume.Spec, parameters map[string]string) {
	if len(spec.Parameters.Ignored) == 0 || !c.first(parameters) {
		return
	}
	klog.FromContext(ctx).Info("The StorageClass has parameters for the login to Heketi that only the in-tree plugin used. They are ignored: the backend's "+
		"own credentials are used. Remove these parameters from the class", "parameters", strings.Join(spec.Parameters.Ignored, ", "), "volume", spec.Name)
}

// first reports whether the class has not been seen before.
func (c *classLogins) first(parameters map[string]string) bool {
	digest := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		if !strings.HasPrefix(key, "csi.storage.k8s.io/") { // describes the claim, not the class
			fmt.Fprintf(digest, "%q=%q\n", key, parameters[key])
		}
	}
	class := [sha256.Size]byte(digest.Sum(nil))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reported[class] {
		return false
	}
	if c.reported == nil || len(c.reported) >= mostReported {
		c.reported = map[[sha256.Size]byte]bool{}
	}
	c.reported[class] = true
	return true
}

// explainLogin adds to the error of a refused login that the credentials in the class were not used.
func explainLogin(err error, ignored []string) error {
	if len(ignored) == 0 || !errors.Is(err, volume.ErrLogin) {
		return err
	}
	return fmt.Errorf("%w; this driver ignores %s of the StorageClass: remove them, and give the backend the key", err, strings.Join(ignored, ", "))
}
