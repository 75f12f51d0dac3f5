package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

func TestPlacement(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		severity   report.Severity
		says       string // "": nothing is reported
	}{
		{"no node plugin has run", "", "", ""},
		{"on the node", `{"placement": "node", "version": "10.3-fa72aa9271d11132"}`, report.OK, "0 GlusterFS clients of version 10.3-fa72aa9271d11132, outside"},
		{"not possible", `{"placement": "pod", "error": "the node's cgroups: operation not permitted"}`, report.Warning, "cannot be placed outside: the node's cgroups: operation not permitted"},
		{"unsupervised", `{"placement": "node", "version": "10.3-fa72aa9271d11132", "unsupervised": true}`, report.Warning, "can mount more than once"},
		{"hidden", `{"placement": "node", "version": "10.3-fa72aa9271d11132", "hidden": "open /proc/7/mem: permission denied"}`, report.Warning, "cannot access their memory: open /proc/7/mem: permission denied"},
		{"in the pod", `{"placement": "pod"}`, report.OK, "in the node plugin's pod, as its --client-placement says"},
		{"damaged", `{`, report.Warning, "read where clients run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := goodNode(t)
			if tt.file != "" {
				if err := os.WriteFile(filepath.Join(n.StateDir, "placement.json"), []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			found := n.placement(t.Context(), checker{})
			if tt.says == "" && len(found) == 0 {
				return
			}
			if len(found) != 1 || found[0].Severity != tt.severity || found[0].Check != checkClients || !strings.Contains(found[0].Message, tt.says) {
				t.Errorf("%+v, want %s %q", found, tt.severity, tt.says)
			}
		})
	}
}
