package driver

import (
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{DefaultName, "a", "A1", "x-y.z", strings.Repeat("x", 63)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "-a", "a-", ".a", "a_b", "a/b", "a b", strings.Repeat("x", 64), "ä"} {
		if err := CheckName(name); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}

func TestIdentity(t *testing.T) {
	server := &identityServer{name: "x.example", version: "v1"}
	info, err := server.GetPluginInfo(t.Context(), nil)
	if err != nil || info.GetName() != "x.example" || info.GetVendorVersion() != "v1" {
		t.Errorf("%v, %v", info, err)
	}
	probe, err := server.Probe(t.Context(), nil)
	if err != nil || !probe.GetReady().GetValue() {
		t.Errorf("%v, %v", probe, err)
	}
	for _, controller := range []bool{false, true} {
		server.controller = controller
		got, err := server.GetPluginCapabilities(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		offered, expands := false, false
		for _, c := range got.GetCapabilities() {
			offered = offered || c.GetService().GetType() == csi.PluginCapability_Service_CONTROLLER_SERVICE
			expands = expands || c.GetVolumeExpansion().GetType() == csi.PluginCapability_VolumeExpansion_ONLINE
		}
		if offered != controller || expands != controller {
			t.Errorf("controller %t: %v", controller, got)
		}
	}
}
