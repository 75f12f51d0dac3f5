package metrics

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestHeketi(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := NewHeketi(registry)
	value := func(name string) float64 {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "glusterfs_csi_"+name {
				sum := 0.0
				for _, m := range f.GetMetric() {
					sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
				}
				return sum
			}
		}
		return -1
	}
	h.Configured("main")
	if got := value("heketi_login_refusals_total"); got != 0 {
		t.Errorf("heketi_login_refusals_total is %v before the first refusal", got)
	}
	ended := h.Began("main", "create", time.Second)
	h.Existing("main")
	h.Joined("create")
	h.LoginRefused("main")
	operationEnded := h.Operation("create")
	for name, want := range map[string]float64{
		"heketi_operations_in_flight": 1, "heketi_operation_queue_seconds": 1, "heketi_operation_duration_seconds": 0,
		"existing_volumes_total": 1, "running_operations": 1, "joined_calls_total": 1,
		"heketi_login_refusals_total": 1,
	} {
		if got := value(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	ended("done")
	operationEnded()
	if got := value("running_operations"); got != 0 {
		t.Errorf("%v operations run after the end", got)
	}
	if got := value("heketi_operations_in_flight"); got != 0 {
		t.Errorf("%v operations in flight after the end", got)
	}
	if got := value("heketi_operation_duration_seconds"); got != 1 {
		t.Errorf("%v durations, want 1", got)
	}
}
