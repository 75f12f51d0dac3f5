// Package images tests the script that gathers a release.
package images

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// bills lists the bills of materials that the builds of the images write.
var bills = []string{"images/controller", "images/node", "images-storage/gluster", "images-storage/heketi"}

// release runs release.sh in a directory with the bills, and with stand-ins for go and helm. It returns the directory of the
// release, and the output.
func release(t *testing.T, bills []string) (dir, output string, err error) {
	t.Helper()
	root := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script, err := os.ReadFile("release.sh")
	if err != nil {
		t.Fatal(err)
	}
	write("deploy/images/release.sh", string(script))
	write("bin/go", "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\necho \"$2\" >\"$2\"\n")
	write("build/bin/helm", "#!/bin/sh\nwhile [ \"$1\" != --destination ]; do shift; done\ntouch \"$2/chart-1.2.3.tgz\"\n")
	for _, bill := range bills {
		write(bill+".cdx.json", bill)
	}
	dir = filepath.Join(root, "release")
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(root, "deploy/images/release.sh"),
		dir, filepath.Join(root, "images"), filepath.Join(root, "images-storage"), "-trimpath")
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(root, "bin")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return dir, string(out), err
}

// TestReleaseHasABillOfEachImage: a release has a bill of materials for each image of this project in the values of its charts.
func TestReleaseHasABillOfEachImage(t *testing.T) {
	dir, out, err := release(t, bills)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	values, err := filepath.Glob("../../charts/*/values.yaml")
	if err != nil || len(values) != 2 {
		t.Fatalf("%v: the values of the charts are %q", err, values)
	}
	var want []string
	for _, path := range values {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range regexp.MustCompile(`(?m)repository: ghcr\.io/glusterfs-csi/(\S+)$`).FindAllSubmatch(data, -1) {
			want = append(want, string(image[1])+".cdx.json")
		}
	}
	if len(want) != len(bills) {
		t.Fatalf("the charts' images are %q, and the bills are %q", want, bills)
	}
	var got []string
	for _, name := range files(t, dir) {
		if strings.HasSuffix(name, ".cdx.json") {
			got = append(got, name)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the release has the bills %q, want %q", got, want)
	}
}

// TestReleaseHasAChecksumOfEachFile: binaries, charts and bills.
func TestReleaseHasAChecksumOfEachFile(t *testing.T) {
	dir, out, err := release(t, bills)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	names := files(t, dir)
	for _, want := range []string{"chart-1.2.3.tgz", "glusterfs-csi-linux-amd64", "glusterfs-csi-linux-arm64", "glusterfs-storage-heketi.cdx.json"} {
		if !slices.Contains(names, want) {
			t.Errorf("the release has %q, and not %s", names, want)
		}
	}
	for _, name := range names {
		if name != "SHA256SUMS" && !strings.Contains(string(sums), "  "+name+"\n") {
			t.Errorf("%s has no checksum", name)
		}
	}
}

func TestReleaseNeedsEachBill(t *testing.T) {
	for i, missing := range bills {
		_, out, err := release(t, slices.Delete(slices.Clone(bills), i, i+1))
		if err == nil || !strings.Contains(out, "there is no bill of materials") || !strings.Contains(out, missing+".cdx.json") {
			t.Errorf("without %s: %v: %s", missing, err, out)
		}
	}
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
