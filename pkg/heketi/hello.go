package heketi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Greeting is Heketi's answer to a request that needs no key.
type Greeting struct {
	// Ahead is how far Heketi's clock is ahead of this machine's, negative if it is behind. HTTP dates have whole seconds, so the
	// value can be wrong by one second and by the duration of the request.
	Ahead time.Duration
	// Timed is false if the answer had no date.
	Timed bool
}

// Hello checks that there is a Heketi at the backend's URL (heketi: main.go, /hello). It uses no key.
func (b *Backend) Hello(ctx context.Context) (Greeting, error) {
	const path = "/hello"
	fail := func(err error) (Greeting, error) {
		return Greeting{}, b.newError(http.MethodGet, path, StageRequest, 0, "", err)
	}
	if err := b.checkAuthority(); err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, b.timing.Exchange, fmt.Errorf("no complete answer within %v", b.timing.Exchange))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.config.URL+path, nil)
	if err != nil {
		return fail(err)
	}
	asked := time.Now()
	response, err := b.transport.RoundTrip(request) // does not follow redirections: Heketi sends none
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fail(err)
	}
	answered := time.Now()
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, largestText))
	switch {
	case err != nil:
		return fail(fmt.Errorf("read the answer: %w", err))
	case response.StatusCode != http.StatusOK:
		return Greeting{}, b.newError(http.MethodGet, path, StageRequest, response.StatusCode, string(text), nil)
	case !strings.Contains(string(text), "Hello from Heketi"):
		return fail(errNotHeketi)
	}
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return Greeting{}, nil // a proxy may have removed it
	}
	return Greeting{Ahead: ahead(date, asked, answered), Timed: true}, nil
}

// ahead returns how far Heketi's clock, which shows date, is ahead of this machine's clock, which shows asked and answered. HTTP
// dates lack the fraction of the second, so ahead adds its average of half a second.
func ahead(date, asked, answered time.Time) time.Duration {
	return date.Add(time.Second / 2).Sub(asked.Add(answered.Sub(asked) / 2))
}

var errNotHeketi = errors.New("something answers, but it is not a Heketi server")
