package fuseclient

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// lost returns the ways in which a record can be unusable for a driver.
func lost() map[string]func(data []byte) []byte {
	return map[string]func([]byte) []byte{
		"missing": nil,
		"empty":   func([]byte) []byte { return nil },
		"cut off": func(data []byte) []byte { return data[:len(data)/2] },
		"of a later version": func(data []byte) []byte {
			return bytes.Replace(data, []byte(`"version": 1`), []byte(`"version": 2`), 1)
		},
	}
}

// lose makes the volume's record unusable and restarts the driver.
func (n *node) lose(change func([]byte) []byte) {
	n.t.Helper()
	n.closePublications() // so that the end of the driver does not write it again
	path := n.recordPath("id-vol")
	data, err := os.ReadFile(path)
	if err != nil {
		n.t.Fatal(err)
	}
	if change == nil {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, change(data), 0o600)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	n.restart()
	if _, known := n.record("id-vol"); known {
		n.t.Fatal("the record was not lost")
	}
}

// TestLostRecord: whichever call comes first rebuilds the record, for the client that runs.
func TestLostRecord(t *testing.T) {
	for how, change := range lost() {
		for name, call := range map[string]func(n *node) error{
			"adopt":     func(n *node) error { return n.Adopt(n.t.Context(), "id-vol", n.path("staging")) },
			"stage":     func(n *node) error { return n.Stage(n.t.Context(), source("vol", "acl"), n.path("staging")) },
			"publish":   func(n *node) error { return n.publish("second", false) },
			"stats":     func(n *node) error { _, err := n.Stats(n.t.Context(), "id-vol", n.path("target")); return err },
			"unpublish": func(n *node) error { return n.Unpublish(n.t.Context(), "id-vol", n.path("target")) },
		} {
			t.Run(how+", "+name, func(t *testing.T) {
				n := newNode(t)
				if err := n.Stage(t.Context(), source("vol", "acl"), n.path("staging")); err != nil {
					t.Fatal(err)
				}
				r := n.known()
				n.mustPublish("target")
				n.lose(change)
				if err := call(n); err != nil {
					t.Fatal(err)
				}
				if log, err := os.ReadFile(n.logPath("id-vol")); err != nil || len(log) == 0 {
					t.Errorf("the client's log: %q, %v", log, err)
				}
				if err := n.Stage(t.Context(), source("vol", "acl"), n.path("staging")); err != nil {
					t.Fatal(err)
				}
				again := n.known()
				again.Publications = nil // added since then
				if fmt.Sprint(again) != fmt.Sprint(r) {
					t.Errorf("the record is %+v, it was %+v", again, r)
				}
				if err := errors.Join(n.Unpublish(t.Context(), "id-vol", n.path("second")), n.Unpublish(t.Context(), "id-vol", n.path("target")),
					n.Unstage(t.Context(), "id-vol", n.path("staging"))); err != nil {
					t.Error(err)
				}
				waitFor(t, "the client's end", func() bool { return !r.Process.alive() })
				n.ending.Wait()
				if files := n.files(); files != "" {
					t.Errorf("files left: %s", files)
				}
			})
		}
	}
}

// TestLostRecordOfHungClient: a hung client does not count as one that serves, and Unstage ends it.
func TestLostRecordOfHungClient(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.stop(r)
	n.lose(nil)
	for range 2 {
		for name, err := range map[string]error{
			"stage": n.Stage(t.Context(), source("vol"), n.path("staging")), "publish": n.publish("target", false),
		} {
			if !errors.Is(err, mount.ErrUnavailable) || !strings.Contains(err.Error(), "hangs") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := n.Unstage(t.Context(), "id-vol", n.path("staging")); err != nil {
		t.Error(err)
	}
	n.ending.Wait()
	if r.Process.alive() {
		t.Error("the client was not ended")
	}
}

// TestLostRecordOfDeadClient: the volume's description comes from the publish request.
func TestLostRecordOfDeadClient(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	n.kill(r)
	n.lose(nil)
	if err := n.publish("target", false); !errors.Is(err, mount.ErrNotStaged) {
		t.Errorf("for a request without the description: %v", err)
	}
	if err := n.publishSource(source("vol")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"staging", "target"} {
		if err := answers(n.path(name)); err != nil || n.layers(name) != 1 {
			t.Errorf("%s: %d layers, top answers %v", name, n.layers(name), err)
		}
	}
}

// TestRebuiltRecordIsCompleted: a client's arguments lack the cluster and backup servers. The next request has them.
func TestRebuiltRecordIsCompleted(t *testing.T) {
	full := source("vol", "acl", "suid")
	full.Cluster = "cluster"
	static, other, readOnly := source("vol", "backup-volfile-servers=gluster3"), full, source("vol", "acl", "suid", "ro")
	other.Volume, readOnly.Cluster = "other", "cluster"
	for name, test := range map[string]struct {
		staged mount.Source
		call   func(n *node) error
		want   bool
	}{
		"publish":                              {full, func(n *node) error { return n.publishSource(full) }, true},
		"stage":                                {full, func(n *node) error { return n.Stage(n.t.Context(), full, n.path("staging")) }, true},
		"a static volume":                      {static, func(n *node) error { return n.publishSource(static) }, true},
		"a static volume, without the request": {static, func(n *node) error { return n.publish("target", false) }, false},
		"another volume":                       {full, func(n *node) error { return expect(n.publishSource(other), mount.ErrConflict) }, false},
		"read-only":                            {full, func(n *node) error { return n.publishSource(readOnly) }, false},
		"an invalid request":                   {full, func(n *node) error { s := full; s.Servers = nil; return n.publishSource(s) }, false},
		"without the request":                  {full, func(n *node) error { return n.publish("target", false) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			if err := n.Stage(t.Context(), test.staged, n.path("staging")); err != nil {
				t.Fatal(err)
			}
			n.lose(nil)
			if err := n.Adopt(t.Context(), "id-vol", n.path("staging")); err != nil {
				t.Fatal(err)
			}
			want := n.known().Source
			if fmt.Sprint(want) == fmt.Sprint(test.staged) {
				t.Error("the rebuilt record lacks nothing")
			}
			if test.want {
				want = test.staged
			}
			if err := test.call(n); err != nil {
				t.Fatal(err)
			}
			if got := n.known().Source; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the record has %+v, want %+v", got, want)
			}
		})
	}
}

// TestPublishKeepsTheStaged: a volume whose record is complete keeps the servers and options with which it was staged.
func TestPublishKeepsTheStaged(t *testing.T) {
	n := newNode(t)
	staged := source("vol", "acl")
	staged.Cluster = "cluster"
	if err := n.Stage(t.Context(), staged, n.path("staging")); err != nil {
		t.Fatal(err)
	}
	if err := n.publishSource(source("vol")); err != nil {
		t.Fatal(err)
	}
	if got := n.known().Source; fmt.Sprint(got) != fmt.Sprint(staged) {
		t.Errorf("the record has %+v, it was staged from %+v", got, staged)
	}
}

// expect returns nil for the wanted error.
func expect(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return fmt.Errorf("got %w, want %w", err, want)
}

// TestRecordOfAnotherVersion: a record stays usable if it has an option that this version does not have or no longer allows; the
// next client is started without the option.
func TestRecordOfAnotherVersion(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.mustPublish("target")
	n.closePublications() // so that the end of the driver does not write it again
	data, err := os.ReadFile(n.recordPath("id-vol"))
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Replace(data, []byte(`"options": []`), []byte(`"options": ["new-option=1", "lru-limit=all"]`), 1)
	data = bytes.Replace(data, []byte(`"version": 1`), []byte(`"new": {}`), 1) // from before the version field
	if err := os.WriteFile(n.recordPath("id-vol"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	n.restart()
	if again := n.known(); again.Process != r.Process || !strings.Contains(again.Source.Options.String(), "new-option=1") {
		t.Errorf("the record has become %+v", again)
	}
	n.mustPublish("second")
	n.kill(r)
	n.mustPublish("target")
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", n.known().Process.PID))
	if err != nil || strings.Contains(string(command), "new-option") || strings.Contains(string(command), "lru-limit=all") {
		t.Errorf("the next client was started as %q, %v", command, err)
	}
}

func (n *node) publishSource(s mount.Source) error {
	return n.Publish(n.t.Context(), mount.Publication{VolumeID: "id-vol", StagingPath: n.path("staging"), TargetPath: n.path("target"), Source: &s})
}

// TestTwoVolumesWithOneHandle: the kubelet staged the first volume and publishes the second, which is refused unless its target
// is mounted.
func TestTwoVolumesWithOneHandle(t *testing.T) {
	n := newNode(t)
	n.stage()
	other := source("vol")
	other.Volume, other.Subdir = "other", "dir"
	err := n.publishSource(other)
	if !errors.Is(err, mount.ErrConflict) || !strings.Contains(err.Error(), `staged from "vol"`) || !strings.Contains(err.Error(), `is for "other/dir"`) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(n.path("target")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the target directory was made: %v", err)
	}
	if err := n.publishSource(source("vol", "acl")); err != nil {
		t.Errorf("with other mount options: %v", err)
	}
	if err := n.publishSource(other); err != nil {
		t.Errorf("a target that is mounted: %v", err)
	}
}

// TestImpostor: a container's process that has the arguments of a client does not count as a client.
func TestImpostor(t *testing.T) {
	n := newNode(t)
	r := n.stage()
	n.kill(r)
	r.Generation++
	impostor := exec.CommandContext(t.Context(), "sleep", "infinity")
	impostor.Args = append([]string{"sleep", "infinity"}, clientArgs(source("evil"), []string{"--volfile-server=evil"}, "/log", ".meta", n.freshPath(r))...)
	impostor.Path, impostor.Args[1] = "/bin/sh", "-c"
	impostor.Args[2] = "read x"
	stdin, err := impostor.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	log, err := os.Create(filepath.Join(t.TempDir(), filepath.Base(n.logPath("id-vol"))))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	impostor.Stdout = log
	if err := impostor.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = impostor.Process.Kill(); _ = impostor.Wait() })
	waitFor(t, "a process that looks like a client", func() bool { // its arguments appear a moment after its start
		_, found := findClient(n.freshPath(r))
		return found
	})
	if found := runningClients(n.cfg.StateDir, ""); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}

func TestParseClient(t *testing.T) {
	const args = "glusterfs\x00-N\x00--volfile-server=g\x00--volfile-id=/vol\x00"
	for cmdline, want := range map[string]string{
		args + "/s/clients/abc-17\x00":                      "abc 17 vol",
		args + "/s/clients/abc-17":                          "abc 17 vol",
		args + "/s/clients/abc\x00":                         "",
		args + "/s/clients/abc-x\x00":                       "",
		args + "/other/clients/abc-17\x00":                  "",
		args + "/s/clients/deep/abc-17\x00":                 "",
		"tail\x00/s/clients/abc-17\x00":                     "",
		"":                                                  "",
		args + "/s/clients/abc-99999999999999999999999\x00": "",
	} {
		c, ok := parseClient(parseArguments([]byte(cmdline)), "/s/clients")
		got := ""
		if ok {
			got = fmt.Sprint(c.hash, " ", c.generation, " ", c.source.Path())
		}
		if got != want {
			t.Errorf("%q: %q, want %q", cmdline, got, want)
		}
	}
}

// FuzzParseRecord: a record that can be read can be written and read again.
func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"source":{"volumeID":"v","servers":["g"],"volume":"vol","options":["ro"]},"stagingPath":"/s","generation":7,` +
		`"process":{"pid":1,"start":2},"bootID":"b","device":"0:42","unused":true}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`{"source":{"options":["new=1"]},"device":"0"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRecord(data)
		if err != nil {
			return
		}
		once, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseRecord(once)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%s became %s, %v", once, twice, err)
		}
	})
}
