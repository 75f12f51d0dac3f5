package provisioner_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi/heketitest"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/provisioner"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// moved is a class that is made again with the backend other, after a create for main whose outcome is unknown.
type moved struct {
	*fixture
	other  *heketitest.Server
	dir    string
	timing heketi.Timing
}

func startMoved(t *testing.T) *moved {
	t.Helper()
	m := &moved{fixture: start(t), other: heketitest.New(t, heketitest.NewCluster()), dir: t.TempDir(), timing: timing()}
	m.timing.Late, m.timing.Outage = time.Millisecond, time.Millisecond
	return m
}

// process returns the provisioner of a new process, with the journal of the one before.
func (m *moved) process(t *testing.T, configs ...heketi.BackendConfig) *provisioner.Provisioner {
	t.Helper()
	journal, err := provisioner.OpenJournal(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(configs) == 0 {
		configs = m.configs()
	}
	return m.over(t, configs, m.timing, provisioner.WithJournal(journal))
}

func (m *moved) configs() []heketi.BackendConfig {
	return []heketi.BackendConfig{
		{Name: "main", URL: m.server.URL, KeyFile: m.keyFile}, {Name: "other", URL: m.other.URL, KeyFile: m.keyFile},
	}
}

// away makes main's Heketi unreachable.
func (m *moved) away() (back func()) {
	return m.server.Inject(heketitest.Fault{Status: http.StatusBadGateway})
}

// wantWait checks that neither a create for the other backend nor a refusal ends the claim's wait for main.
func (m *moved) wantWait(t *testing.T, p *provisioner.Provisioner, texts ...string) {
	t.Helper()
	_, err := p.Create(t.Context(), specFor("pvc-1", "other"))
	wantError(t, err, volume.ErrBusy)
	says(t, err, append(texts, glusterName()+` of backend "main" has made the volume or may still make it, and this create is for backend "other"`)...)
	refusal := volume.Invalid("volumetyp", "none", "is not a known parameter")
	err = p.RefuseCreate(t.Context(), "pvc-1", volume.Credentials{}, refusal)
	wantError(t, err, volume.ErrBusy)
	says(t, err, append(texts, refusal.Error(), glusterName()+` of backend "main" has made the volume or may still make it`)...)
	if n := m.other.Requests("POST"); n > 0 {
		t.Errorf("%d creates were sent to the other Heketi", n)
	}
}

func (m *moved) wantVolumeOf(t *testing.T, p *provisioner.Provisioner, backend string) {
	t.Helper()
	if v, err := p.Create(t.Context(), specFor("pvc-1", backend)); err != nil || v.Handle.Backend != backend {
		t.Errorf("%+v, %v; want a volume of backend %s", v, err, backend)
	}
}

// unanswered sends a create to main that arrives when the result is called.
func (m *moved) unanswered(t *testing.T, p *provisioner.Provisioner) (arrive func()) {
	t.Helper()
	release, carried := make(chan struct{}), make(chan struct{})
	m.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Held: release, Carried: carried})
	_, err := p.Create(t.Context(), specFor("pvc-1", "main"))
	wantError(t, err, volume.ErrUnavailable)
	time.Sleep(2 * m.timing.Late)
	return func() {
		close(release)
		<-carried
	}
}

const untilRemoved = `this doubt ends when backend "main" can be read, or is removed from the driver's configuration`

// TestClassMovedAfterAnUnansweredCreate: the create is too old for Heketi to begin it now, but Heketi may have begun it, and cannot
// be asked.
func TestClassMovedAfterAnUnansweredCreate(t *testing.T) {
	for name, restart := range map[string]bool{"same driver": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			m := startMoved(t)
			p := m.process(t)
			arrive := m.unanswered(t, p)
			if restart {
				p = m.process(t)
			}
			back := m.away()
			m.wantWait(t, p, untilRemoved)
			back()
			m.server.SetUnrecorded(1)
			m.wantWait(t, p, "its Heketi is working on 1 request that the database does not show yet")
			lift := m.server.Inject(heketitest.Fault{Prefix: "GET /db/dump", Status: http.StatusServiceUnavailable})
			m.server.SetUnrecorded(0)
			m.wantWait(t, p, untilRemoved)
			arrive()
			lift()
			m.wantWait(t, p)
			m.wantVolumeOf(t, p, "main")
			wantNoNotes(t, m.dir)
		})
	}
}

// TestClassMovedAfterACreateThatNeverArrives: the other backend gets the volume as soon as main has certainly none.
func TestClassMovedAfterACreateThatNeverArrives(t *testing.T) {
	m := startMoved(t)
	p := m.process(t)
	m.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Drop: true})
	_, err := p.Create(t.Context(), specFor("pvc-1", "main"))
	wantError(t, err, volume.ErrUnavailable)
	time.Sleep(2 * m.timing.Late)
	m.wantVolumeOf(t, p, "other")
	m.away() // the volume is found although main cannot be asked
	m.wantVolumeOf(t, p, "other")
	m.wantVolumes(t, 0)
}

// TestClassMovedAfterAnAcceptedCreate: Heketi has accepted the create and is then away.
func TestClassMovedAfterAnAcceptedCreate(t *testing.T) {
	for name, restart := range map[string]bool{"same driver": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			m := startMoved(t)
			p := m.process(t)
			m.server.Hold()
			call := background(context.WithoutCancel(t.Context()), p, specFor("pvc-1", "main"))
			eventually(t, "the create is accepted", func() bool { return m.server.Pending() == 1 })
			back := m.away()
			wantError(t, (<-call).err, volume.ErrUnavailable)
			time.Sleep(2 * m.timing.Late)
			if restart {
				p = m.process(t)
			}
			m.wantWait(t, p, untilRemoved)
			back()
			m.wantWait(t, p)
			_, err := p.Create(t.Context(), specFor("pvc-1", "main"))
			wantError(t, err, volume.ErrBusy) // Heketi is still making it
			back = m.away()
			p = m.process(t)
			m.wantWait(t, p, untilRemoved)
			back()
			m.server.Release()
			m.wantVolumeOf(t, p, "main")
			wantNoNotes(t, m.dir)
		})
	}
}

// TestClassMovedFromARemovedBackend: the administrator has removed a backend that is away for good. Only a create that its Heketi
// may still begin counts.
func TestClassMovedFromARemovedBackend(t *testing.T) {
	m := startMoved(t)
	defer m.unanswered(t, m.process(t))()
	only := heketi.BackendConfig{Name: "other", URL: m.other.URL, KeyFile: m.keyFile}
	m.timing.Late = time.Hour
	m.wantWait(t, m.process(t, only), ", Heketi may begin it")
	m.timing.Late = time.Millisecond
	p := m.process(t, only)
	refusal := volume.Invalid("volumetyp", "none", "is not a known parameter")
	wantError(t, p.RefuseCreate(t.Context(), "pvc-1", volume.Credentials{}, refusal), volume.ErrInvalid)
	m.wantVolumeOf(t, p, "other")
}

// refusedLogins counts the refused logins of each backend.
type refusedLogins struct{ of chan string }

func (refusedLogins) Began(string, string, time.Duration) func(string) { return func(string) {} }

func (refusedLogins) Configured(string) {}

func (r refusedLogins) LoginRefused(backend string) { r.of <- backend }

// TestCredentialsOfAnotherBackend: a refused create sends its credentials only to the backend that it selects. A backend without a
// key gets no request, and does not keep the refusal of another backend's class from being final.
func TestCredentialsOfAnotherBackend(t *testing.T) {
	m := startMoved(t)
	configs := m.configs()
	configs[1].KeyFile = ""
	logins := refusedLogins{of: make(chan string, 100)}
	backends, err := heketi.NewBackends(heketi.Config{Backends: configs}, m.timing, heketi.WithObserver(logins))
	if err != nil {
		t.Fatal(err)
	}
	defer backends.Close()
	p := provisioner.New(backends)
	with := specFor("pvc-1", "main")
	with.Credentials, with.Capacity.LimitBytes = volume.Credentials{User: "admin", Key: heketitest.DefaultKey}, 1
	_, err = p.Create(t.Context(), with)
	wantError(t, err, volume.ErrInvalid)
	wantError(t, p.RefuseCreate(t.Context(), "pvc-1", with.Credentials, volume.Invalid("volumetyp", "none", "is not a known parameter")), volume.ErrInvalid)
	if n := m.other.Requests(""); n > 0 || len(logins.of) > 0 {
		t.Errorf("%d requests to the Heketi of another backend, %d refused logins", n, len(logins.of))
	}

	with.Parameters.Backend = "other" // selected: its records are read
	_, err = p.Create(t.Context(), with)
	wantError(t, err, volume.ErrInvalid)
	if n := m.other.Requests("GET /db/dump"); n != 1 {
		t.Errorf("the records of the selected backend were read %d times", n)
	}
}

// TestClassMovedFromABackendWithoutAKey: the driver cannot ask whether the create has made a volume.
func TestClassMovedFromABackendWithoutAKey(t *testing.T) {
	m := startMoved(t)
	configs := m.configs()
	configs[0].KeyFile = ""
	p := m.process(t, configs...)
	m.server.Inject(heketitest.Fault{Prefix: "POST /volumes", Times: 1, Drop: true})
	first := specFor("pvc-1", "main")
	first.Credentials = volume.Credentials{User: "admin", Key: heketitest.DefaultKey}
	_, err := p.Create(t.Context(), first)
	wantError(t, err, volume.ErrUnavailable)
	time.Sleep(2 * m.timing.Late)
	before := m.server.Requests("")
	second := specFor("pvc-1", "other")
	second.Credentials = first.Credentials
	_, err = p.Create(t.Context(), second)
	wantError(t, err, volume.ErrBusy)
	says(t, err, untilRemoved, `no key is configured`)
	if n := m.server.Requests("") - before; n > 0 {
		t.Errorf("%d requests to the Heketi of another backend", n)
	}
}

// TestRefusalAsksAllAtOnce: two Heketis that do not answer delay a refusal once.
func TestRefusalAsksAllAtOnce(t *testing.T) {
	m := startMoved(t)
	p := m.process(t)
	asked := make(chan struct{})
	answer := make(chan struct{})
	for _, s := range []*heketitest.Server{m.server, m.other} {
		s.Inject(heketitest.Fault{Prefix: "GET /db/dump", Late: answer, Carried: asked})
	}
	refused := make(chan error, 1)
	go func() {
		refused <- p.RefuseCreate(context.WithoutCancel(t.Context()), "pvc-1", volume.Credentials{}, volume.Invalid("volumetyp", "none", "is not a known parameter"))
	}()
	<-asked
	<-asked // before the first answers
	close(answer)
	wantError(t, <-refused, volume.ErrInvalid)
}
