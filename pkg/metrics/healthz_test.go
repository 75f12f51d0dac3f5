package metrics

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestServeHealth(t *testing.T) {
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	answer := make(chan error, 1)
	go func() {
		ended <- ServeHealth(ctx, listener, func(ctx context.Context) error {
			if _, limited := ctx.Deadline(); !limited {
				return errors.New("no limit")
			}
			select {
			case err := <-answer:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	url := "http://" + listener.Addr().String()
	answer <- nil
	if body, code := get(t, url+"/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("healthy: %d %q", code, body)
	}
	answer <- errors.New("it is ill")
	if body, code := get(t, url+"/healthz"); code != http.StatusInternalServerError || !strings.Contains(body, "it is ill") {
		t.Errorf("ill: %d %q", code, body)
	}
	if body, code := get(t, url+"/healthz"); code != http.StatusInternalServerError { // the check hangs
		t.Errorf("hanging: %d %q", code, body)
	}
	if _, code := get(t, url+"/metrics"); code != http.StatusNotFound {
		t.Errorf("status %d for what is not served", code)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ServeHealth: %v", err)
	}
}
