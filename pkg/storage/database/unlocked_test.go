package database

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

func TestAwaitUnlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "heketi.db")
		if err := AwaitUnlocked(t.Context(), path, time.Minute); err != nil {
			t.Errorf("without a database: %v", err)
		}
		writeFile(t, path, "database")
		other := lockFile(t, path)
		begun := time.Now()
		time.AfterFunc(10*time.Second, func() { _ = other.Close() })
		if err := AwaitUnlocked(t.Context(), path, time.Minute); err != nil {
			t.Error(err)
		}
		if waited := time.Since(begun); waited < 10*time.Second {
			t.Errorf("waited %v for a lock that was held 10 s", waited)
		}
		lockFile(t, path) // fails if AwaitUnlocked still holds the lock
		err := AwaitUnlocked(t.Context(), path, time.Minute)
		if err == nil || !strings.Contains(err.Error(), "heketi.db: not done within 1m0s: another Heketi holds it") {
			t.Errorf("a lock that stays: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := AwaitUnlocked(ctx, path, time.Minute); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
			t.Errorf("a pod that is asked to end: %v", err)
		}
	})
}

// TestReplaceADatabaseThatCannotBeOpened: the lock of a damaged file cannot be waited for, and the backup replaces the file.
func TestReplaceADatabaseThatCannotBeOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heketi.db")
	// Not even root can open a running program for writing.
	program, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, program, 0o700); err != nil {
		t.Fatal(err)
	}
	running := exec.CommandContext(t.Context(), path, "60")
	if err := running.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = running.Process.Kill(), running.Wait() }()
	if err := AwaitUnlocked(t.Context(), path, time.Second); err != nil {
		t.Fatal(err)
	}
	all := newSecrets(SecretName)
	replace := kube.Secret{Annotations: map[string]string{RestoreAnnotation: "replace"}}
	err = errors.Join(all.store(SecretName).Save(t.Context(), take(t, "records", time.Now())), all.ChangeSecret(t.Context(), testNamespace, SecretName, replace))
	if err := errors.Join(err, Restore(t.Context(), all.store(SecretName), path, "/bin/false")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != fakeFile("records") {
		t.Errorf("the database is %q", got)
	}
}

func lockFile(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	return file
}
