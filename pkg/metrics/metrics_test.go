package metrics

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestServe(t *testing.T) {
	registry := NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "apples_total", Help: "Apples."})
	registry.MustRegister(counter)
	counter.Inc()
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, registry) }()

	url := "http://" + listener.Addr().String()
	body, code := get(t, url+"/metrics")
	for _, part := range []string{"apples_total 1", "process_resident_memory_bytes", "go_goroutines"} {
		if !strings.Contains(body, part) {
			t.Errorf("no %q in the answer", part)
		}
	}
	if code != http.StatusOK {
		t.Errorf("status %d", code)
	}
	if _, code := get(t, url+"/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("status %d for what is not served", code)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	again, err := Listen(t.Context(), listener.Addr().String())
	if err != nil {
		t.Fatalf("the address is still taken: %v", err)
	}
	_ = again.Close()
}

func TestListenNamesTheAddress(t *testing.T) {
	if _, err := Listen(t.Context(), "256.0.0.1:x"); err == nil || !strings.Contains(err.Error(), "256.0.0.1:x") {
		t.Errorf("%v", err)
	}
}

func get(t *testing.T, url string) (body string, code int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content), response.StatusCode
}
