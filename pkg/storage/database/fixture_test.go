package database

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/kube"
)

// secrets holds Secrets in memory.
type secrets struct {
	mu     sync.Mutex
	all    map[string]kube.Secret
	writes []string
	fail   error // of each call
	refuse error // of each change
}

func newSecrets(names ...string) *secrets {
	s := &secrets{all: map[string]kube.Secret{}}
	for _, name := range names {
		s.all[name] = kube.Secret{Version: "0"}
	}
	return s
}

func (s *secrets) Secret(_ context.Context, namespace, name string) (kube.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, ok := s.all[name]
	if !ok || namespace != testNamespace {
		return kube.Secret{}, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	return secret, s.fail
}

func (s *secrets) ChangeSecret(_ context.Context, _, name string, change kube.Secret) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	secret, ok := s.all[name]
	switch {
	case s.fail != nil:
		return s.fail
	case s.refuse != nil:
		return s.refuse
	case !ok:
		return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	case change.Version != "" && change.Version != secret.Version:
		return errors.New("conflict")
	}
	data, annotations := map[string][]byte{}, map[string]string{}
	maps.Copy(data, secret.Data)
	maps.Copy(data, change.Data)
	maps.Copy(annotations, secret.Annotations)
	maps.Copy(annotations, change.Annotations)
	maps.DeleteFunc(data, func(_ string, content []byte) bool { return content == nil })
	maps.DeleteFunc(annotations, func(_, text string) bool { return text == "" })
	version, _ := strconv.Atoi(secret.Version)
	s.all[name] = kube.Secret{Data: data, Annotations: annotations, Version: strconv.Itoa(version + 1)}
	s.writes = append(s.writes, name)
	return nil
}

func (s *secrets) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

const testNamespace = "storage"

func (s *secrets) store(name string) Store {
	return Store{Secrets: s, Namespace: testNamespace, Name: name}
}

// source is a Heketi whose database is a bolt header followed by a string.
type source struct {
	mu      sync.Mutex
	content []byte
	err     error
	copies  int
	stale   int // number of copies, from the first, that are damaged
}

func (s *source) DatabaseCopy(_ context.Context, w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies++
	content := s.content
	if s.copies <= s.stale {
		content = []byte(fakeFile(stale))
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	return s.err
}

func (s *source) set(content string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content, s.err = []byte(fakeFile(content)), err
}

// fakeFile returns the header of a bolt file, followed by content.
func fakeFile(content string) string {
	header := make([]byte, 20)
	binary.NativeEndian.PutUint32(header[16:], 0xED0CDAED)
	return string(header) + content
}

// stale in a database makes fakeHeketi end as Heketi does when it reads a page of another kind.
const stale = "a stale page"

// fakeHeketi returns the path of a program that exports databases.
func fakeHeketi(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "heketi")
	script := `#!/bin/sh
[ "$1 $2 $3" = "db export --jsonfile=-" ] || exit 64
if grep -q "` + stale + `" "${4#--dbfile=}"; then
	printf 'panic: invalid page type: 7: 10\n\ngoroutine 1 [running]:\n' >&2
	exit 2
fi
echo "[heketi] WARNING unable to find block volume bucket... skipping"
echo '{"volumeentries": {}}'
`
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { // #nosec G306 -- a program
		t.Fatal(err)
	}
	return path
}

func take(t *testing.T, content string, at time.Time) Copy {
	t.Helper()
	from := &source{}
	from.set(content, nil)
	c, err := MakeCopy(t.Context(), from, fakeHeketi(t))
	if err != nil {
		t.Fatal(err)
	}
	c.TakenAt = at
	return c
}
