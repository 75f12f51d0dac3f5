package heketi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// endless yields head, then part again and again; each %d in part is replaced by a counter.
type endless struct {
	left, part string
	n          int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == "" {
		e.left = strings.ReplaceAll(e.part, "%d", strconv.Itoa(e.n))
		e.n++
	}
	n := copy(p, e.left)
	e.left = e.left[n:]
	return n, nil
}

// TestEndlessStreams: an endless answer of any form is refused before it fills the memory.
func TestEndlessStreams(t *testing.T) {
	word := strings.Repeat("x", 64<<10)
	for name, tt := range map[string]struct {
		head, part, want string
	}{
		"a word":                        {`{"clusterentries": {"`, word, "a part of it is larger than 32 MiB"},
		"an entry":                      {`{"clusterentries": {"a": ["`, word, "a part of it is larger than 32 MiB"},
		"a part that is not read":       {`{"new": {"a": ["`, word, "a part of it is larger than 32 MiB"},
		"volumes":                       {`{"clusterentries": {}, "volumeentries": {`, `"%d":{},`, "more than 300000 entries"},
		"an examination of volumes":     {`{"heketidb": {"clusterentries": {}, "volumeentries": {`, `"%d":{},`, "more than 300000 entries"},
		"an examination of nodes":       {`{"clusters": [{"NodesData": [`, `{"NodeHeketiID":"%d"},`, "more than 300000 entries"},
		"an examination of one cluster": {`{"clusters": [{"ClusterHeketiID": "`, word, "a part of it is larger than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			read := func(r io.Reader) error { _, err := readDump(r); return err }
			if strings.HasPrefix(name, "an examination") {
				read = func(r io.Reader) error { _, err := readExamination(r); return err }
			}
			if err := read(&endless{left: tt.head, part: tt.part}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%.200v, want %q", err, tt.want)
			}
		})
	}
}

func TestLargestStream(t *testing.T) {
	decoder := newStreamDecoder(strings.NewReader("{}"))
	for read, want := range map[int64]bool{largestStream: true, largestStream + 1: false} {
		s := &streamReader{reader: strings.NewReader("x"), decoder: decoder, read: read}
		_, err := s.Read(make([]byte, 1))
		if want != (err == nil || !strings.Contains(err.Error(), "it is larger than 1024 MiB")) {
			t.Errorf("after %d bytes: %v", read, err)
		}
	}
}

// TestEndlessDump: the call fails with the reason and returns no dump.
func TestEndlessDump(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, &endless{left: `{"clusterentries": {}, "volumeentries": {}, "new": {"a": ["`, part: strings.Repeat("x", 64<<10)})
	}))
	defer server.Close()
	_, err := newTestClient(t, BackendConfig{URL: server.URL}, DefaultTiming()).Dump(t.Context())
	if !errors.Is(err, volume.ErrUnavailable) || !strings.Contains(err.Error(), "larger than 32 MiB") {
		t.Errorf("got %v", err)
	}
}
