package database

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

func TestRestore(t *testing.T) {
	good := take(t, "records", time.Now())
	for name, tt := range map[string]struct {
		backup *Copy  // nil: no backup
		there  string // content of the file before; "": no file
		want   string // content of the file afterwards
		fails  string
	}{
		"an empty volume":    {backup: &good, want: fakeFile("records")},
		"a database":         {backup: &good, there: "another", want: "another"},
		"nothing to restore": {want: "", fails: "heketi.db does not exist, and Secret storage/heketi-db-backup: it holds no backup"},
		"damaged":            {backup: &Copy{Packed: good.Packed, SHA256: "0"}, fails: "the backup is damaged"},
		"another thing":      {backup: other(t), fails: "it is not a database of Heketi"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "heketi.db")
			if tt.there != "" {
				writeFile(t, path, tt.there)
			}
			writeFile(t, path+".restoring", "what a restore that was killed has left behind")
			all := newSecrets(SecretName)
			store := all.store(SecretName)
			if tt.backup != nil {
				if err := store.Save(t.Context(), *tt.backup); err != nil {
					t.Fatal(err)
				}
			}
			err := Restore(t.Context(), store, path, "/bin/false")
			if tt.fails == "" && err != nil || tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
				t.Errorf("%v, want %q", err, tt.fails)
			}
			got, err := os.ReadFile(path)
			if tt.want == "" && !errors.Is(err, os.ErrNotExist) || string(got) != tt.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestRestoreOverAnEmptyFile: a Heketi that is killed at its first start leaves an empty file.
func TestRestoreOverAnEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heketi.db")
	writeFile(t, path, "")
	all := newSecrets(SecretName)
	if err := all.store(SecretName).Save(t.Context(), take(t, "records", time.Now())); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), all.store(SecretName), path, "/bin/false"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != fakeFile("records") {
		t.Errorf("%q, %v", got, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestReplace: a backup that an administrator chose replaces the database, once. Nothing is lost, even if the backup is damaged.
func TestReplace(t *testing.T) {
	for name, tt := range map[string]struct {
		backup Copy
		fails  string
	}{
		"good":          {take(t, "records", time.Now()), ""},
		"damaged":       {Copy{Packed: take(t, "records", time.Now()).Packed, SHA256: "0"}, "the backup is damaged"},
		"another thing": {*other(t), "it is not a database of Heketi"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "heketi.db")
			writeFile(t, path, "a database that is damaged")
			all := newSecrets(SecretName)
			mark := kube.Secret{Annotations: map[string]string{"glusterfs-storage/restore": "replace"}}
			if err := errors.Join(all.store(SecretName).Save(t.Context(), tt.backup), all.ChangeSecret(t.Context(), testNamespace, SecretName, mark)); err != nil {
				t.Fatal(err)
			}
			newer := take(t, "what Heketi has written meanwhile", time.Now())
			if err := all.store(SecretName).Save(t.Context(), newer); err == nil || !strings.Contains(err.Error(), "Secret storage/heketi-db-backup stays as it is: its annotation glusterfs-storage/restore=replace makes the backup replace the database") {
				t.Errorf("%v", err)
			}
			err := Restore(t.Context(), all.store(SecretName), path, "/bin/false")
			got, _ := os.ReadFile(path)
			if tt.fails != "" {
				left, _ := filepath.Glob(path + "*")
				if err == nil || !strings.Contains(err.Error(), tt.fails) || string(got) != "a database that is damaged" || len(left) != 1 {
					t.Errorf("%q, %v, %q", got, err, left)
				}
				return
			}
			if err != nil || string(got) != fakeFile("records") || all.all[SecretName].Annotations["glusterfs-storage/restore"] != "" {
				t.Errorf("%q, %v, %v", got, err, all.all[SecretName].Annotations)
			}
			if err := all.store(SecretName).Save(t.Context(), newer); err != nil {
				t.Errorf("after the replacement: %v", err)
			}
			writeFile(t, path, "newer")
			if err := Restore(t.Context(), all.store(SecretName), path, "/bin/false"); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(path); string(got) != "newer" {
				t.Errorf("replaced again: %q", got)
			}
			kept, _ := filepath.Glob(path + ".replaced-*")
			if len(kept) != 1 {
				t.Fatalf("kept: %q", kept)
			}
			if got, _ := os.ReadFile(kept[0]); string(got) != "a database that is damaged" {
				t.Errorf("kept: %q", got)
			}
		})
	}
}

// TestReplacementIsNotRepeated: if the annotation cannot be removed, Heketi may run with the restored database. The next restore
// keeps that database. The same backup can be chosen again.
func TestReplacementIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "heketi.db")
		writeFile(t, path, "a database that is damaged")
		all := newSecrets(SecretName)
		mark := kube.Secret{Annotations: map[string]string{"glusterfs-storage/restore": "replace"}}
		if err := errors.Join(all.store(SecretName).Save(t.Context(), take(t, "records", time.Now())), all.ChangeSecret(t.Context(), testNamespace, SecretName, mark)); err != nil {
			t.Fatal(err)
		}
		restored := func(fails bool, want string, aside int) {
			t.Helper()
			if err := Restore(t.Context(), all.store(SecretName), path, "/bin/false"); (err != nil) != fails {
				t.Errorf("%v, want an error: %v", err, fails)
			}
			kept, _ := filepath.Glob(path + ".replaced-*")
			if got, err := os.ReadFile(path); err != nil || string(got) != want || len(kept) != aside {
				t.Errorf("%q, %v, want %q; kept: %q, want %d", got, err, want, kept, aside)
			}
		}
		all.refuse = errors.New("API server: connection refused")
		restored(true, fakeFile("records"), 1)
		restored(true, fakeFile("records"), 1) // the kubelet starts the init container again
		all.fail = all.refuse
		restored(false, fakeFile("records"), 1)
		writeFile(t, path, "what Heketi has written since")
		all.fail, all.refuse = nil, nil
		restored(false, "what Heketi has written since", 1)
		if annotations := all.all[SecretName].Annotations; annotations["glusterfs-storage/restore"] != "" {
			t.Errorf("%v", annotations)
		}
		if err := all.ChangeSecret(t.Context(), testNamespace, SecretName, mark); err != nil {
			t.Fatal(err)
		}
		restored(false, fakeFile("records"), 2)
		if left, _ := filepath.Glob(path + "*"); len(left) != 3 {
			t.Errorf("left: %q", left)
		}
	})
}

// TestAnnotationIsRemovedUnseen: the API server removes the annotation, but its answer is lost. The record of the replacement does
// not stay, since it would prevent a later replacement by the same backup.
func TestAnnotationIsRemovedUnseen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heketi.db")
	writeFile(t, path, "a database")
	all := newSecrets(SecretName)
	backup := take(t, "records", time.Now())
	if err := errors.Join(all.store(SecretName).Save(t.Context(), backup), recordReplacement(path, backup)); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), all.store(SecretName), path, "/bin/false"); err != nil {
		t.Fatal(err)
	}
	if isReplacement(path, backup) {
		t.Error("the replacement is still recorded")
	}
}

// TestNoKubernetes: with a database, Heketi starts even without the API server. A restore waits for the API server before, since
// an administrator may have chosen a backup to replace the database.
func TestNoKubernetes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "heketi.db")
		all := newSecrets(SecretName)
		if err := all.store(SecretName).Save(t.Context(), take(t, "records", time.Now())); err != nil {
			t.Fatal(err)
		}
		fail := func(during time.Duration) {
			all.fail = errors.New("API server: connection refused")
			time.AfterFunc(during, func() {
				all.mu.Lock()
				defer all.mu.Unlock()
				all.fail = nil
			})
		}
		fail(time.Hour)
		if err := Restore(t.Context(), all.store(SecretName), path, "/bin/false"); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("%v", err)
		}
		writeFile(t, path, "a database")
		began := time.Now()
		if err := Restore(t.Context(), all.store(SecretName), path, "/bin/false"); err != nil || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(time.Hour)
		if err := all.ChangeSecret(t.Context(), testNamespace, SecretName, kube.Secret{Annotations: map[string]string{"glusterfs-storage/restore": "replace"}}); err != nil {
			t.Fatal(err)
		}
		fail(50 * time.Second)
		if err := Restore(t.Context(), all.store(SecretName), path, "/bin/false"); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != fakeFile("records") {
			t.Errorf("the API server was away for less than a minute: %q, %v", got, err)
		}
	})
}

// TestRestoreNeedsTheVolume: nothing is restored if the path is a directory or its parent is missing.
func TestRestoreNeedsTheVolume(t *testing.T) {
	dir := t.TempDir()
	all := newSecrets(SecretName)
	if err := all.store(SecretName).Save(t.Context(), take(t, "records", time.Now())); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "is not a file", filepath.Join(dir, "missing", "heketi.db"): "no such file or directory"} {
		if err := Restore(t.Context(), all.store(SecretName), path, "/bin/false"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// other returns a backup whose sum is right, but whose content is not a database.
func other(t *testing.T) *Copy {
	t.Helper()
	from := &source{content: []byte("a page of a web server, which is long enough")}
	c, err := MakeCopy(t.Context(), from, fakeHeketi(t))
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestClear: afterwards the Secret is as the chart made it.
func TestClear(t *testing.T) {
	all := newSecrets(SecretName)
	store := all.store(SecretName)
	for range 2 {
		if err := errors.Join(store.Save(t.Context(), take(t, "records", time.Now())), store.Clear(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Load(t.Context()); !errors.Is(err, ErrEmpty) || len(all.all[SecretName].Annotations) > 0 || len(all.all[SecretName].Data) > 0 {
		t.Errorf("%v, %+v", err, all.all[SecretName])
	}
	if err := all.store("missing").Clear(t.Context()); err == nil || !strings.Contains(err.Error(), "helm upgrade makes it again") {
		t.Errorf("%v", err)
	}
}
