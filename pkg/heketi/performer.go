package heketi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	goclient "github.com/heketi/heketi/client/api/go-client"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const (
	queuePath    = "/queue/"
	clustersPath = "/clusters"
)

// performer carries out the HTTP requests of one call of Heketi's client. The client passes the performer's errors to its caller
// unchanged.
type performer struct {
	ctx     context.Context //nolint:containedctx // Heketi's client passes no context on
	backend *Backend
	limit   time.Duration // of one request with its whole answer
	client  *http.Client
	sign    goclient.CheckRedirectFunc
	stream  func(io.Reader) error // reads the body of a good answer, which may be large
	keyless bool                  // sign requests without a key, for a Heketi without authentication
}

func newPerformer(ctx context.Context, b *Backend, limit time.Duration, sign goclient.CheckRedirectFunc, stream func(io.Reader) error) *performer {
	p := &performer{ctx: ctx, backend: b, limit: limit, sign: sign, stream: stream}
	p.client = &http.Client{Transport: b.transport, CheckRedirect: p.redirect}
	return p
}

// Do implements Heketi's HttpPerformer.
func (p *performer) Do(request *http.Request) (*http.Response, error) {
	if strings.HasPrefix(request.URL.Path, queuePath) {
		return p.follow(request)
	}
	return p.start(request)
}

// start sends a request, and repeats it while Heketi is at its limit of operations. That is safe, because Heketi checks the limit
// before it changes anything.
func (p *performer) start(request *http.Request) (*http.Response, error) {
	began := time.Now()
	wait := p.backend.timing.PollMin
	for {
		response, err := p.exchange(request)
		refused, ok := errors.AsType[*Error](err)
		if !ok || refused.Status != http.StatusTooManyRequests ||
			time.Since(began) > p.backend.timing.Throttle || !sleep(p.ctx, jitter(wait)) {
			return response, err
		}
		wait = min(2*wait, p.backend.timing.PollMax)
	}
}

// follow polls an accepted operation until it has ended. If Heketi is unreachable for a while, follow continues to poll, because
// the operation may still be running.
func (p *performer) follow(request *http.Request) (*http.Response, error) {
	began := time.Now()
	lastHeard := began
	for {
		response, err := p.exchange(request)
		switch {
		case err == nil && response.Header.Get("X-Pending") != "true":
			return response, nil
		case err == nil:
			lastHeard = time.Now()
		case !away(err) || time.Since(lastHeard) > p.backend.timing.Outage:
			return nil, err
		}
		if !sleep(p.ctx, p.backend.timing.pollInterval(time.Since(began))) {
			return nil, p.backend.newError(request.Method, request.URL.Path, StagePoll, 0, "", context.Cause(p.ctx))
		}
	}
}

// away reports whether err concerns only the connection to Heketi and not the operation.
func away(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// exchange sends the request once and reads the whole answer, with limits on time and size. An answer that is invalid for this
// kind of request is returned as an *Error.
func (p *performer) exchange(original *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(p.ctx, p.limit, fmt.Errorf("no complete answer within %v", p.limit))
	defer cancel()
	request := original.Clone(ctx)
	if original.GetBody != nil {
		body, err := original.GetBody()
		if err != nil {
			return nil, err
		}
		request.Body = body
	}
	// A token lives five minutes, and an operation may take longer.
	if err := p.sign(request, nil); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	stage := StageRequest
	if strings.HasPrefix(request.URL.Path, queuePath) {
		stage = StagePoll
	}
	fail := func(err error) error {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return p.backend.newError(request.Method, request.URL.Path, stage, 0, "", err)
	}

	response, err := p.client.Do(request) // #nosec G704 -- the administrator configures the address
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // newError adds method and path itself
		}
		return nil, fail(err)
	}
	defer func() { _ = response.Body.Close() }()
	if stage == StagePoll && !strings.HasPrefix(response.Request.URL.Path, queuePath) {
		stage = StageResult
	}
	if !expected(stage, request.Method, response) {
		text, _ := io.ReadAll(io.LimitReader(response.Body, largestText))
		refused := p.backend.newError(request.Method, request.URL.Path, stage, response.StatusCode, string(text), nil)
		if errors.Is(refused, volume.ErrUnauthenticated) {
			p.backend.observer.LoginRefused(p.backend.Name())
			if p.keyless {
				refused.rule.hint = fmt.Sprintf(hintNoKey, p.backend.Name())
			}
		}
		return nil, refused
	}
	if err := p.readBody(response); err != nil {
		return nil, fail(fmt.Errorf("read the answer: %w", err))
	}
	return response, nil
}

// expected reports whether the answer has a status that Heketi uses for success at this stage (heketi: server/rest/asynchttp.go).
func expected(stage Stage, method string, response *http.Response) bool {
	switch {
	case stage == StagePoll:
		return response.StatusCode == http.StatusNoContent ||
			response.StatusCode == http.StatusOK && response.Header.Get("X-Pending") == "true"
	// Answered at once, because only the database changes:
	case method == http.MethodPost && response.Request.URL.Path == clustersPath:
		return response.StatusCode == http.StatusCreated
	case method == http.MethodDelete && strings.HasPrefix(response.Request.URL.Path, clustersPath+"/"):
		return response.StatusCode == http.StatusOK
	case method != http.MethodGet: // a request for an operation
		return response.StatusCode == http.StatusAccepted && strings.HasPrefix(response.Header.Get("Location"), queuePath)
	}
	return response.StatusCode == http.StatusOK
}

// readBody replaces the body with its content, so that no reader waits for it outside the limits of exchange.
func (p *performer) readBody(response *http.Response) error {
	if p.stream != nil {
		err := p.stream(response.Body)
		response.Body = http.NoBody
		return err
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer+1))
	if err != nil {
		return err
	}
	if len(content) > largestAnswer {
		return errTooLarge("it", largestAnswer)
	}
	response.Body = io.NopCloser(bytes.NewReader(content))
	return nil
}

// redirect follows only Heketi's own redirection, from the queue to the result. Any other redirection would turn a POST into a
// GET, or send a signed token to another host.
func (p *performer) redirect(request *http.Request, via []*http.Request) error {
	from := via[0].URL
	if len(via) > 1 || !strings.HasPrefix(from.Path, queuePath) ||
		request.URL.Host != from.Host || request.URL.Scheme != from.Scheme {
		return http.ErrUseLastResponse
	}
	return p.sign(request, via)
}
