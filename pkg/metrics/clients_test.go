package metrics

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func TestClients(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	state := ClientState{
		Clients: map[ClientKind]int{{"node", "10.3-fa72aa9271d11132"}: 3, {"pod", ""}: 1},
		Memory:  66 << 20, InPod: true, Old: 5, Deaths: 2, Lacking: 4,
	}
	RegisterClients(registry, func() ClientState { return state })
	series := func() map[string]float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				words := make([]string, 1, 1+len(m.GetLabel()))
				words[0] = f.GetName()
				for _, l := range m.GetLabel() {
					words = append(words, l.GetName()+"="+l.GetValue())
				}
				values[strings.Join(words, " ")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
		return values
	}
	const prefix = "glusterfs_csi_node_"
	if diff := cmp.Diff(map[string]float64{
		prefix + "clients placement=node version=10.3-fa72aa9271d11132": 3,
		prefix + "clients placement=pod version=":                       1,
		prefix + "client_memory_bytes":                                  66 << 20,
		prefix + "clients_in_pod":                                       1,
		prefix + "old_clients":                                          5,
		prefix + "client_deaths_total":                                  2,
		prefix + "volumes_without_client":                               4,
	}, series()); diff != "" {
		t.Error(diff)
	}
	state = ClientState{}
	if diff := cmp.Diff(map[string]float64{
		prefix + "client_memory_bytes": 0, prefix + "clients_in_pod": 0, prefix + "old_clients": 0, prefix + "client_deaths_total": 0, prefix + "volumes_without_client": 0,
	}, series()); diff != "" {
		t.Errorf("without clients: %s", diff)
	}
}
