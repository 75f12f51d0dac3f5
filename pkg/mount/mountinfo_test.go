package mount

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// FuzzMountinfo: sources and mount points, which users can choose, never make find return another mount.
func FuzzMountinfo(f *testing.F) {
	for _, seed := range [][2]string{{"127.0.0.1:/vol", "/mnt"}, {"a b", "/with space"}, {"", "/"}, {"x\n9 1 0:9 / /fake rw - tmpfs t rw", "/tab\t\\040"}, {"-", "/ - x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, source, point string) {
		if source == "" || strings.Contains(source+point, "\x00") {
			return // the kernel writes "none" for the first, and the second cannot exist
		}
		escape := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`, "#", `\043`).Replace // as the kernel does
		line := func(id int, point, source string) string {
			return fmt.Sprintf("%d 1 0:%d / %s rw,relatime shared:1 - fuse.glusterfs %s rw,user_id=0\n", id, id, escape(point), escape(source))
		}
		table := line(7, point, source) + line(8, "/second", "second") + line(9, point, "third")
		for id, want := range map[uint64][2]string{7: {point, source}, 8: {"/second", "second"}, 9: {point, "third"}} {
			got, err := find(strings.NewReader(table), id, want[0])
			if err != nil || got == nil || got.Mountpoint != want[0] || got.Source != want[1] || (DeviceOf(got) != Device{0, uint32(id)}) {
				t.Errorf("%d: %+v, %v, want %q", id, got, err, want)
			}
		}
		if got, err := find(strings.NewReader(table), 10, point); got != nil || err != nil {
			t.Errorf("found %+v, %v", got, err)
		}
	})
}

// TestLongLinesAreLeftOut: a mount with a very long line, such as an overlay of very many directories, does not hide the others.
func TestLongLinesAreLeftOut(t *testing.T) {
	const wanted = "9 1 0:9 / /wanted rw - tmpfs s rw\n"
	for _, length := range []int{100, 59 << 10, 64 << 10, 1 << 20} {
		long := "8 1 0:8 / /long rw - overlay o lowerdir=" + strings.Repeat("x", length) + "\n"
		for _, table := range []string{wanted + long, long + wanted, long + long + wanted + long} {
			if got, err := find(strings.NewReader(table), 9, "/wanted"); err != nil || got == nil {
				t.Errorf("beside a line of %d bytes: %+v, %v", length, got, err)
			}
		}
	}
}

func TestDeviceJSON(t *testing.T) {
	want := Device{259, 1048575}
	data, err := json.Marshal(want)
	if err != nil || string(data) != `"259:1048575"` {
		t.Errorf("%s, %v", data, err)
	}
	var got Device
	if err := json.Unmarshal(data, &got); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`"x"`), &got); err == nil {
		t.Error("accepted")
	}
}
