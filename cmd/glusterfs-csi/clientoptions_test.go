package main

import (
	"strings"
	"testing"
)

func TestClientOptions(t *testing.T) {
	for _, tt := range []struct {
		options clientOptions
		limit   int64
		says    string // "" means no error
	}{
		{clientOptions{placement: "node"}, 0, ""},
		{clientOptions{placement: "pod"}, 0, ""},
		{clientOptions{placement: "node", memory: "512Mi"}, 512 << 20, ""},
		{clientOptions{placement: "node", memory: "64Mi"}, 64 << 20, ""},
		{clientOptions{placement: "host"}, 0, "--client-placement=host: write node or pod"},
		{clientOptions{placement: "node", memory: "63Mi"}, 0, "--client-memory-limit=63Mi: write a quantity of at least 64Mi, as in 512Mi"},
		{clientOptions{placement: "node", memory: "much"}, 0, "--client-memory-limit=much: write a quantity"},
		{clientOptions{placement: "node", cgroup: "a/b"}, 0, "--client-cgroup=a/b: write a name without slashes, as in glusterfs-csi"},
		{clientOptions{placement: "node", cgroup: ".."}, 0, "--client-cgroup=..: write a name"},
	} {
		if tt.options.cgroup == "" {
			tt.options.cgroup = "glusterfs-csi"
		}
		err := tt.options.complete()
		if tt.options.memoryLimit != tt.limit || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %d, %q", tt.options, err, tt.limit, tt.says)
		}
	}
}
