package contents

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// checkImage checks how an image starts, its labels, and that it contains the project's program.
func checkImage(t *testing.T, i image, target string, want config) {
	t.Helper()
	if !slices.Equal(i.config.Entrypoint, want.Entrypoint) || !slices.Equal(i.config.Cmd, want.Cmd) || i.config.User != want.User {
		t.Errorf("the image starts with %+v, want %+v", i.config, want)
	}
	const prefix = "org.opencontainers.image."
	for _, label := range []string{"description", "source", "licenses", "version", "revision"} {
		if value := i.config.Labels[prefix+label]; value == "" || value == "unknown" {
			t.Errorf("the label %s is %q", label, value)
		}
	}
	if title := i.config.Labels[prefix+"title"]; title != "glusterfs-storage-"+target {
		t.Errorf("the title is %q", title)
	}
	if info, err := i.stat("glusterfs-storage"); err != nil || info.Mode() != 0o755 {
		t.Errorf("glusterfs-storage: %v %v", info, err)
	}
}

// checkBill checks that an image's bill of materials lists the components.
func checkBill(t *testing.T, target string, want ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(imagesDir(t), target+".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		Components []struct {
			Name string `json:"name"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &bill); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(bill.Components))
	for _, component := range bill.Components {
		names = append(names, component.Name)
	}
	for _, name := range want {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not among the %d components", name, len(names))
		}
	}
}
