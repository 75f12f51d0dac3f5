package heketi

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// TestDumpsWaitForEachOther: a third dump waits for one of two others, at most until its deadline.
func TestDumpsWaitForEachOther(t *testing.T) {
	asked, release := make(chan struct{}, 10), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-release
		_, _ = w.Write([]byte(sampleDump))
	}))
	defer server.Close()
	backends, err := NewBackends(Config{Backends: []BackendConfig{{Name: "a", URL: server.URL}}}, DefaultTiming())
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	client, err := backends.All()[0].Client(volume.Credentials{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := client.Dump(t.Context())
			ended <- err
		}()
	}
	<-asked
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Dump(ctx); !errors.Is(err, volume.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("the third: %v", err)
	}
	close(release)
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if _, err := client.Dump(t.Context()); err != nil {
		t.Errorf("after the others: %v", err)
	}
	if n := len(asked); n != 1 {
		t.Errorf("Heketi was asked %d more times, want 1", n)
	}
}
