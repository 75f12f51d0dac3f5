package metrics

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestOrphans(t *testing.T) {
	registry := prometheus.NewRegistry()
	o := NewOrphans(registry)
	series := func(name string) map[string]float64 {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				labels := make([]string, 0, len(m.GetLabel()))
				for _, l := range m.GetLabel() {
					labels = append(labels, l.GetValue())
				}
				if f.GetName() == "glusterfs_csi_"+name {
					values[strings.Join(labels, " ")] = m.GetGauge().GetValue()
				}
			}
		}
		return values
	}
	o.Began("main")
	if got, ok := series("orphans_last_success_timestamp_seconds")["main"]; !ok || got != 0 {
		t.Errorf("last success before the first: %v, %v", got, ok)
	}
	o.Compared("main", nil)
	if got := series("orphans"); len(got) != 0 {
		t.Errorf("figures after the first look: %v", got)
	}
	if got := series("orphans_last_success_timestamp_seconds"); got["main"] <= 0 {
		t.Errorf("last success: %v", got)
	}
	o.Compared("main", map[string]int{"volume-without-pv": 2, "pv-mismatch": 0})
	o.Compared("other", map[string]int{"volume-without-pv": 1})
	got := series("orphans")
	if len(got) != 3 || got["main volume-without-pv"] != 2 || got["main pv-mismatch"] != 0 || got["other volume-without-pv"] != 1 {
		t.Errorf("%v", got)
	}
	o.Forgotten("main")
	if got := series("orphans"); len(got) != 1 || got["other volume-without-pv"] != 1 {
		t.Errorf("after main was forgotten: %v", got)
	}
	if got := series("orphans_last_success_timestamp_seconds"); len(got) != 1 || got["other"] <= 0 {
		t.Errorf("after main was forgotten: %v", got)
	}
}
