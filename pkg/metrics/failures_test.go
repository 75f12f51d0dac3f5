package metrics

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestServingFails: a closed listener ends the service with an error that names its address.
func TestServingFails(t *testing.T) {
	for name, run := range map[string]func() error{
		"metrics": func() error {
			listener, err := Listen(t.Context(), "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			_ = listener.Close()
			return Serve(t.Context(), listener, prometheus.NewRegistry())
		},
		"health": func() error {
			listener, err := Listen(t.Context(), "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			_ = listener.Close()
			return ServeHealth(t.Context(), listener, func(context.Context) error { return nil })
		},
	} {
		if err := run(); err == nil || !strings.HasPrefix(err.Error(), "serving on 127.0.0.1:") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBuckets tests the lowest and the highest bound of each histogram.
func TestBuckets(t *testing.T) {
	registry := prometheus.NewRegistry()
	NewHeketi(registry).Began("b", "create", time.Second)("done")
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	histograms := 0
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			h := metric.GetHistogram()
			if h == nil {
				continue
			}
			histograms++
			buckets := h.GetBucket()
			first, last := buckets[0].GetUpperBound(), buckets[len(buckets)-1].GetUpperBound()
			if first != 0.05 || last < 1500 || last > 1800 || len(buckets) != 16 {
				t.Errorf("%s: %d buckets from %v to %v s", family.GetName(), len(buckets), first, last)
			}
		}
	}
	if histograms != 3 { // the wait, the outcome, and the outcome "unknown", which is there from the beginning
		t.Errorf("%d histograms, want 3", histograms)
	}
}
