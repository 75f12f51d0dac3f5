package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// allowedOptions hold the flag that restricts the servers that volumes may name.
type allowedOptions struct {
	list    []string
	servers *mount.AllowedServers
}

const allowedServersFlag = "allowed-servers"

func (a *allowedOptions) register(flags *pflag.FlagSet) {
	flags.StringSliceVar(&a.list, allowedServersFlag, nil, "servers that volumes may name: networks, addresses and names, as in 10.0.0.0/24,*.storage.example; "+
		"may be repeated (default all but loopback and link-local addresses)")
}

func (a *allowedOptions) complete() (err error) {
	if a.servers, err = mount.ParseAllowedServers(a.list); err != nil {
		return fmt.Errorf("--%s: %w", allowedServersFlag, err)
	}
	return nil
}

// prober returns a prober that connects only to allowed servers.
func (a *allowedOptions) prober() *mount.Prober {
	prober := mount.NewProber()
	prober.Allowed = a.servers
	return &prober
}
