package heketi

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/klog/v2/ktesting"
)

// configuration is a file that is exchanged at once, as Kubernetes does it.
type configuration struct {
	t    *testing.T
	path string
}

func (c configuration) write(content string) {
	c.t.Helper()
	next := c.path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(next, c.path); err != nil {
		c.t.Fatal(err)
	}
}

func TestReload(t *testing.T) {
	const (
		a      = "- {name: a, url: 'http://a.example:8080'}\n"
		b      = "- {name: b, url: 'http://b.example:8080'}\n"
		moved  = "- {name: a, url: 'http://elsewhere.example:8080'}\n"
		prefix = "backends:\n"
	)
	file := configuration{t, filepath.Join(t.TempDir(), "config.yaml")}
	file.write(prefix + a)
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	logs := func(words string) int {
		return strings.Count(logger.GetSink().(ktesting.Underlier).GetBuffer().String(), words)
	}
	backends, err := OpenBackends(logger, file.path, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	first, err := backends.Select("", "")
	if err != nil {
		t.Fatal(err)
	}

	file.write(prefix + a + b)
	added, err := backends.ByName("b")
	if err != nil {
		t.Fatalf("added: %v", err)
	}
	if same, err := backends.ByName("a"); same != first {
		t.Errorf("an unchanged backend was replaced: %v", err)
	}

	// What cannot be used is logged once, however often it is met, and changes nothing.
	for range 3 {
		file.write("backends: what?")
		if all := backends.All(); len(all) != 2 || all[0] != first || all[1] != added {
			t.Errorf("after a wrong file: %s", names(all))
		}
	}
	if n := logs("cannot be used"); n != 1 {
		t.Errorf("the wrong file was logged %d times", n)
	}

	// A key file that comes later is no change of the configuration, and yet makes it right.
	key := filepath.Join(filepath.Dir(file.path), "key")
	file.write(prefix + moved + "- {name: c, url: 'http://c.example', keyFile: '" + key + "'}\n")
	if _, err := backends.ByName("c"); err == nil {
		t.Error("a configuration without its key file was taken")
	}
	if err := os.WriteFile(key, []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backends.ByName("c"); err != nil {
		t.Errorf("the key file was not noticed: %v", err)
	}
	if _, err := backends.ByName("b"); err == nil {
		t.Error("a removed backend is still there")
	}
	if now, err := backends.Select("", "http://elsewhere.example:8080"); err != nil || now == first || now.Name() != "a" {
		t.Errorf("the changed backend is %v (%v)", now, err)
	}

	if err := os.Remove(file.path); err != nil {
		t.Fatal(err)
	}
	if all := backends.All(); len(all) != 2 {
		t.Errorf("after the file was removed: %s", names(all))
	}
}

func TestOpenBackendsRefuses(t *testing.T) {
	logger := ktesting.NewLogger(t, ktesting.NewConfig())
	file := configuration{t, filepath.Join(t.TempDir(), "config.yaml")}
	if _, err := OpenBackends(logger, file.path, DefaultTiming()); err == nil {
		t.Error("a file that is not there: no error")
	}
	file.write("backends: []")
	if _, err := OpenBackends(logger, file.path, DefaultTiming()); err == nil {
		t.Error("no backends: no error")
	}
}
