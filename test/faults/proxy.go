package faults

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
)

// Proxy stands between the driver and Heketi. It passes everything on unchanged, including the signed token, which covers only
// method and path; Heketi's Location headers name no host.
type Proxy struct {
	URL string

	port     *lab.Port
	client   *http.Client
	upstream atomic.Pointer[string] // base URL
	trace    atomic.Pointer[Trace]
	requests atomic.Int64
	underWay atomic.Int64 // requests that are being served, or will still be carried out
	ledger   *ledger

	mu      sync.Mutex
	faults  *stream
	calm    chan struct{} // closed when held requests are released
	stalled bool          // everything is held
	server  *http.Server  // nil while connections are refused
}

// StartProxy starts a proxy without faults in front of upstream, a base URL.
func StartProxy(ctx context.Context, upstream string) (*Proxy, error) {
	port, err := lab.HoldPort()
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		URL: "http://" + port.Address(), port: port, ledger: newLedger(), calm: make(chan struct{}),
		client: &http.Client{
			Timeout:       30 * time.Second,
			Transport:     &http.Transport{MaxIdleConnsPerHost: 32},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	p.Route(upstream)
	if err := p.Listen(ctx); err != nil {
		return nil, errors.Join(err, port.Close())
	}
	return p, nil
}

// Listen accepts connections at the same address as before.
func (p *Proxy) Listen(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.port.Address())
	if err != nil {
		return err
	}
	epoch := p.ledger.current()
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, epoch) }),
		ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
	}
	p.mu.Lock()
	p.server = server
	p.mu.Unlock()
	go func() { _ = server.Serve(listener) }() // ends with Refuse or Close
	return nil
}

// Refuse resets all connections and refuses new ones. Requests that have arrived are still carried out, but their answers are lost.
func (p *Proxy) Refuse() error {
	p.mu.Lock()
	server := p.server
	p.server = nil
	p.mu.Unlock()
	if server == nil {
		return nil
	}
	err := server.Close()
	p.ledger.forget()
	return err
}

// Close ends the proxy.
func (p *Proxy) Close() error {
	p.Calm()
	err := p.Refuse()
	p.client.CloseIdleConnections()
	return errors.Join(err, p.port.Close())
}

// Route sends all further requests to another server.
func (p *Proxy) Route(upstream string) { p.upstream.Store(&upstream) }

// Storm starts the faults, and logs them to trace.
func (p *Proxy) Storm(faults *stream, trace *Trace) {
	p.trace.Store(trace)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults, p.calm = faults, make(chan struct{})
}

// Calm ends the faults and releases held requests.
func (p *Proxy) Calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults, p.stalled = nil, false
	select {
	case <-p.calm:
	default:
		close(p.calm)
	}
}

// Stall holds all further requests until Calm.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = true
}

// serve handles a request. epoch is the ledger's epoch in which the server of the request began to listen.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, epoch int) {
	p.requests.Add(1)
	p.underWay.Add(1)
	defer p.underWay.Add(-1)
	body, err := io.ReadAll(r.Body) // the server notices the end of the connection only after the body was read
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	faults, calm, stalled := p.faults, p.calm, p.stalled
	p.mu.Unlock()
	if stalled && !hold(r.Context(), time.Minute, calm) {
		panic(http.ErrAbortHandler)
	}
	class := classOf(r.Method, r.URL.Path)
	happens := faults.next(class)
	what := purpose(r, body)

	if happens.fault == Late {
		p.trace.Load().Add("proxy", "%s %s %s: in %v", r.Method, shortPath(r.URL.Path), happens.fault, happens.lateness())
		p.carryOutLate(r, body, class, what, happens.lateness(), epoch)
		panic(http.ErrAbortHandler)
	}
	p.ledger.begins(epoch, what)
	answer, outcome := p.carryOut(r, body, happens, calm)
	p.ledger.ends(epoch, what)
	p.account(r, class, epoch, what, happens, answer)
	if happens.fault != NoFault || class != ClassPoll || !answer.pending() {
		p.trace.Load().Add("proxy", "%s %s %s: %s", r.Method, shortPath(r.URL.Path), happens.fault, outcome)
	}
	answer.send(w, happens.fault == HalfBody)
}

// carryOut forwards the request as often as its fault requires, and returns the driver's answer. A nil answer means a reset
// connection.
func (p *Proxy) carryOut(r *http.Request, body []byte, happens happening, calm <-chan struct{}) (*answer, string) {
	if instead, ok := happens.instead(); ok {
		return instead, "not forwarded"
	}
	if happens.fault == Delay && !hold(r.Context(), happens.hold, calm) {
		return nil, "driver has gone"
	}
	if happens.fault == Hang {
		hold(r.Context(), happens.hold, calm)
		return nil, "not forwarded"
	}
	// A request that has begun continues if the driver ends, because Heketi does not notice that either.
	ctx := context.WithoutCancel(r.Context())
	got, err := p.forward(ctx, r, body)
	if happens.fault == Duplicate && err == nil {
		second, secondErr := p.forward(ctx, r, body)
		if happens.variant%2 == 1 {
			got, err = second, secondErr
		}
	}
	switch {
	case err != nil && happens.variant%2 == 0:
		return nil, "no answer from Heketi: " + err.Error()
	case err != nil:
		return page(http.StatusBadGateway), "502: " + err.Error()
	}
	if happens.fault == SlowAnswer {
		hold(r.Context(), happens.hold, calm)
	}
	return happens.spoil(got), strconv.Itoa(got.status)
}

// carryOutLate forwards a request after a while and drops the answer. An expand counts as begun until then: the driver must not
// send another one. Creates and deletes may be sent again immediately, because Heketi recognizes the volume.
func (p *Proxy) carryOutLate(r *http.Request, body []byte, class Class, what string, d time.Duration, epoch int) {
	if class != ClassExpand {
		what = ""
	}
	p.ledger.begins(epoch, what)
	p.underWay.Add(1)
	ctx := context.WithoutCancel(r.Context())
	go func() {
		defer p.underWay.Add(-1)
		wait(ctx, d)
		got, err := p.forward(ctx, r, body)
		p.ledger.ends(epoch, what)
		status := 0
		if err == nil {
			status = got.status
		}
		p.trace.Load().Add("proxy", "%s %s was carried out late: %d, %v", r.Method, shortPath(r.URL.Path), status, err)
	}()
}

func (p *Proxy) forward(ctx context.Context, r *http.Request, body []byte) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, *p.upstream.Load()+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = r.Header.Clone()
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &answer{status: response.StatusCode, header: response.Header, body: content}, nil
}

// account tells the ledger what answer the driver is about to receive.
func (p *Proxy) account(r *http.Request, class Class, epoch int, what string, happens happening, a *answer) {
	switch {
	case class == ClassPoll && a != nil && !a.pending() && !away(a.status):
		p.ledger.heard(r.URL.Path)
	case what != "" && a != nil && a.status == http.StatusAccepted && happens.fault != HalfBody:
		p.ledger.accepted(epoch, what, a.header.Get("Location"))
	}
}

// away reports whether a status comes from a gateway whose server does not answer. Such a status is no evidence about an
// operation on the server.
func away(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// hold waits. It returns false if the caller no longer waits for the answer.
func hold(ctx context.Context, d time.Duration, calm <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-calm:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// instead returns the answer that the driver gets without Heketi's involvement, if the fault is of that kind.
func (h happening) instead() (*answer, bool) {
	statuses := []int{http.StatusOK, http.StatusAccepted, http.StatusNotFound, http.StatusInternalServerError}
	switch h.fault { //nolint:exhaustive // the others are forwarded
	case DropRequest:
		return nil, true
	case Throttled:
		return &answer{status: http.StatusTooManyRequests, body: []byte("Server busy. Retry operation later.\n")}, true
	case Unavailable:
		return page(http.StatusServiceUnavailable), true
	case Garbage:
		return page(statuses[h.variant%len(statuses)]), true
	}
	return nil, false
}

// spoil returns Heketi's answer as the driver receives it: unchanged, replaced, or not at all.
func (h happening) spoil(a *answer) *answer {
	switch {
	case h.fault == DropResponse, h.fault == HalfBody && len(a.body) == 0:
		return nil
	case h.fault == TimedOut:
		return page(http.StatusGatewayTimeout)
	}
	return a
}

// answer is a complete answer; nil means none.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func page(status int) *answer {
	return &answer{
		status: status, header: http.Header{"Content-Type": {"text/html"}},
		body: []byte("<html><body><h1>" + http.StatusText(status) + "</h1>default backend</body></html>\n"),
	}
}

func (a *answer) pending() bool { return a != nil && a.header.Get("X-Pending") == "true" }

func (a *answer) send(w http.ResponseWriter, half bool) {
	if a == nil {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	if a.status == http.StatusNoContent {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(a.status)
	if half {
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(a.body) // the driver may be gone
}

// shortPath shortens the long ids to their beginning, which is enough to tell them apart.
func shortPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if len(part) == 32 {
			parts[i] = part[:8]
		}
	}
	return strings.Join(parts, "/")
}

// wait returns early, and false, when ctx is done.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
