package main

import (
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/driver"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/metrics"
)

// In each round, a Heketi's database is read only once, however many classes use that Heketi.
func TestCapacityOfManyClasses(t *testing.T) {
	path, heketi := heketiConfig(t)
	config := driver.Config{Metrics: metrics.NewRegistry()}
	controller, err := addController(t.Context(), &config, options{config: path})
	if err != nil {
		t.Fatal(err)
	}
	defer controller.stop()
	var o capacityOptions
	publication := o.publication(driver.DefaultName, controller.provisioner)
	for round := 1; round <= 2; round++ {
		since := time.Now()
		for _, volumeType := range []string{"none", "replicate:2", "replicate:3", "disperse:2:1"} {
			if _, _, err := publication.Room(t.Context(), map[string]string{"volumetype": volumeType}, since); err != nil {
				t.Errorf("%s: %v", volumeType, err)
			}
		}
		if dumps := heketi.Requests("GET /db/dump"); dumps != round {
			t.Errorf("%d dumps after %d rounds", dumps, round)
		}
	}
}
