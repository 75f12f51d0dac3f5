package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

func TestClusterServers(t *testing.T) {
	const one, two = "630372ccdc720a92c681fb928f27b53f", "0123456789abcdef0123456789abcdef"
	var o options
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.register(flags, mode{node: true})
	err := flags.Parse([]string{
		"--endpoint=/s", "--node-id=n", "--cluster-servers=" + one + "=10.0.0.4,gluster-5.example.org", "--cluster-servers=" + two + "=fd00::6",
	})
	if err == nil {
		err = o.complete(mode{node: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{one: {"10.0.0.4", "gluster-5.example.org"}, two: {"fd00::6"}}
	if diff := cmp.Diff(want, o.clusters.servers); diff != "" {
		t.Error(diff)
	}
}
