package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// TestAllowedServers: the node plugin refuses its own loopback addresses unless they are listed, whatever else is listed.
func TestAllowedServers(t *testing.T) {
	for _, tt := range []struct {
		flags            []string
		loopback, inside bool // true if the driver does not refuse it
		says             string
	}{
		{nil, false, true, ""},
		{[]string{"--allowed-servers=10.0.0.0/8"}, false, true, ""},
		{[]string{"--allowed-servers=192.0.2.0/24,*.storage.example"}, false, false, ""},
		{[]string{"--allowed-servers=10.0.0.0/8", "--allowed-servers=127.0.0.1"}, true, true, ""},
		{[]string{"--allowed-servers=10.0.0.1/8"}, false, false, "--allowed-servers: "},
	} {
		var o options
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		o.register(flags, mode{node: true})
		if err := flags.Parse(append(tt.flags, "--endpoint=/s", "--node-id=n")); err != nil {
			t.Fatal(err)
		}
		if err := o.complete(mode{node: true}); (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Fatalf("%q: %v", tt.flags, err)
		}
		if tt.says != "" {
			continue
		}
		for server, want := range map[string]bool{"127.0.0.1": tt.loopback, "10.255.255.254": tt.inside} {
			prober := o.allowedServers.prober()
			prober.Limit = 1 // a limit of 1 ns: the test does not wait for connections
			_, err := prober.Order(t.Context(), []string{server}, 24007)
			if refused := errors.As(err, new(*mount.NotAllowedError)); refused == want {
				t.Errorf("%q: %s: %v", tt.flags, server, err)
			}
		}
	}
}
