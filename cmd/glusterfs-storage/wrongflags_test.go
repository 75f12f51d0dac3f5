package main

import (
	"strings"
	"testing"
)

func TestWrongOptions(t *testing.T) {
	setup := []string{"setup", "--topology=/t.json", "--config=/heketi.json", "--heketi-url=http://heketi:8080", "--namespace=storage"}
	backup := []string{"backup", "--heketi-url=http://heketi:8080", "--namespace=storage"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"setup without topology": {[]string{"setup"}, "--topology is missing: write --topology=FILE"},
		"setup without config":   {[]string{"setup", "--topology=/t.json"}, "--config is missing: write --config=FILE"},
		"setup without Heketi":   {setup[:3], "--heketi-url is missing"},
		"a label without value":  {append(setup, "--node-label=storagenode"), "--node-label=storagenode: write KEY=VALUE"},
		"a relative directory":   {append(setup, "--directory=here"), "--directory=here: write an absolute path"},
		"no size":                {append(setup, "--database-size=0"), "--database-size=0: write a number of GiB from 1"},
		"no copies":              {append(setup, "--database-replica=0"), "--database-replica=0: write a number of nodes from 1"},
		"the group of root":      {append(setup, "--database-gid=0"), "--database-gid=0: write the number of a group"},
		"no claim":               {append(setup, "--claim="), "--claim and --database-volume need a name"},
		"a format":               {append(setup, "--logging-format=xml"), "--logging-format=xml: write text or json"},
		"slots and watch":        {append(backup, "--slots=7", "--watch"), "--watch and --slots exclude each other"},
		"minus one slot":         {append(backup, "--slots=-1"), "--slots=-1: write a number of Secrets from 1"},
		"backup without Heketi":  {[]string{"backup"}, "--heketi-url is missing"},
		"a relative database":    {[]string{"restore", "--database=heketi.db"}, "--database=heketi.db: write an absolute path"},
		"probe without Heketi":   {[]string{"probe"}, "--heketi-url is missing: write --heketi-url=http://localhost:8080"},
		"probe, no file":         {[]string{"probe", "--heketi-url=http://h", "--database=x"}, "--database=x: write an absolute path"},
		"no namespace":           {[]string{"restore"}, "--namespace is missing, and this is not a pod"},
		"an argument":            {append(backup, "now"), `unexpected argument "now"`},
	} {
		if code, output := runCommand(t, tt.args...); code != 2 || !strings.Contains(output, tt.want) {
			t.Errorf("%s: code %d, %s", name, code, output)
		}
	}
	if code, output := runCommand(t, backup...); code != 1 || !strings.Contains(output, "not in a pod with a ServiceAccount") {
		t.Errorf("no cluster: code %d, %s", code, output)
	}
	t.Setenv(keyVariable, "")
	_, kubeconfig := newAPIServer(t)
	if code, output := runCommand(t, "backup", "--heketi-url=heketi:8080", "--namespace=storage", "--kubeconfig="+kubeconfig); code != 1 || !strings.Contains(output, "--heketi-url=heketi:8080: ") {
		t.Errorf("no URL: code %d, %s", code, output)
	}
}
