package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/backendreport"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// Heketi's limits for the time in a token (heketi: middleware/jwt.go): a token is valid for five minutes, and its issue time may
// be two minutes in the future.
const (
	farthestAhead  = 5 * time.Minute
	farthestBehind = 2 * time.Minute
)

// backends checks the configuration, and each Heketi in it.
func (c checker) backends(ctx context.Context, path string) []report.Finding {
	backends, findings := c.configuration(path)
	var mu sync.Mutex
	owners := map[string][]string{} // cluster id -> backends that have the cluster
	checks := make([]func(context.Context) []report.Finding, len(backends))
	for i, backend := range backends {
		checks[i] = func(ctx context.Context) []report.Finding {
			p := backendCheck{checker: c, backend: backend, subject: backendreport.Subject(backend)}
			found := p.run(ctx)
			mu.Lock()
			defer mu.Unlock()
			for id := range p.dump.Clusters {
				owners[id] = append(owners[id], backend.Name())
			}
			return found
		}
	}
	findings = append(findings, parallel(ctx, checks)...)
	return append(findings, shared(owners)...)
}

// shared reports Heketis that are configured more than once. Group ids are unique only within a backend.
func shared(owners map[string][]string) []report.Finding {
	said := map[string]bool{}
	var findings []report.Finding
	for _, cluster := range slices.Sorted(maps.Keys(owners)) {
		names := slices.Sorted(slices.Values(owners[cluster]))
		subject := "backends " + strings.Join(names, ", ")
		if len(names) < 2 || said[subject] {
			continue
		}
		said[subject] = true
		findings = append(findings, report.Finding{
			Severity: report.Warning, Check: "configuration", Subject: subject,
			Message: "they are the same Heketi (all have cluster " + cluster + "), so group ids may be assigned twice, and operations may exceed its limit",
			Remedy:  "keep one of them; if volumes have handles of both, keep both and use only one in StorageClasses",
		})
	}
	return findings
}

// backendCheck checks one backend.
type backendCheck struct {
	checker
	backend *heketi.Backend
	subject string
	client  *heketi.Client
	dump    heketi.Dump
}

func (p *backendCheck) finding(severity report.Severity, check, message, remedy string, commands ...string) report.Finding {
	return report.Finding{Severity: severity, Check: check, Subject: p.subject, Message: message, Remedy: remedy, Commands: commands}
}

// failed returns the finding for a failed request.
func (p *backendCheck) failed(severity report.Severity, check string, err error) report.Finding {
	message, remedy := backendreport.Explain(err)
	return p.finding(severity, check, message, remedy)
}

// run stops after a failure that makes the remaining checks useless.
func (p *backendCheck) run(ctx context.Context) []report.Finding {
	var findings []report.Finding
	if p.backend.Plaintext() {
		findings = append(findings, p.finding(report.Warning, "heketi-plaintext", "requests to it go through the network unencrypted", heketi.HintPlaintext))
	}
	greeting, err := p.backend.Hello(ctx)
	if err != nil {
		return append(findings, p.failed(report.Critical, "heketi-reachable", err))
	}
	findings = append(findings, p.finding(report.OK, "heketi-reachable", "it answers", ""), p.clock(greeting))
	key, ok := p.key(ctx)
	findings = append(findings, key)
	if !ok {
		return findings
	}
	p.dump, err = p.client.Dump(ctx)
	if err != nil {
		findings = append(findings, p.failed(report.Critical, "heketi-database", err))
	}
	checks := []func(context.Context) []report.Finding{p.database, p.operations}
	if err == nil {
		checks = append(checks, p.clusters, p.volumeCount, p.names, p.ports)
	}
	return append(findings, parallel(ctx, checks)...)
}

func (p *backendCheck) clock(greeting heketi.Greeting) report.Finding {
	const check = "heketi-clock"
	if !greeting.Timed {
		return p.finding(report.Info, check, "its answer contains no timestamp, so the clocks cannot be compared", "")
	}
	ahead := greeting.Ahead.Round(time.Second)
	side, distance, limit := "ahead of", ahead, farthestAhead
	if ahead < 0 {
		side, distance, limit = "behind", -ahead, farthestBehind
	}
	message := fmt.Sprintf("its clock is %s %s this machine's", distance, side)
	limits := fmt.Sprintf("; Heketi refuses every request if its clock is more than %s ahead or %s behind", farthestAhead, farthestBehind)
	const remedy = "synchronise the clocks of both machines (chrony, systemd-timesyncd)"
	switch {
	case distance >= limit:
		return p.finding(report.Critical, check, message+limits, remedy)
	case distance >= limit/2:
		return p.finding(report.Warning, check, message+limits, remedy)
	case distance <= 2*time.Second: // an answer's time is in whole seconds
		return p.finding(report.OK, check, "its clock agrees with this machine's", "")
	}
	return p.finding(report.OK, check, message, "")
}

// key checks the administrator's key with a request for the list of clusters, which is cheap and allowed only with that key.
func (p *backendCheck) key(ctx context.Context) (finding report.Finding, ok bool) {
	const check = "heketi-key"
	var err error
	if p.client, err = p.backend.Client(volume.Credentials{}); err != nil {
		return p.failed(report.Critical, check, err), false
	}
	clusters, err := p.client.Clusters(ctx)
	_, otherDatabase := errors.AsType[*heketi.OtherDatabaseError](err)
	switch {
	case otherDatabase:
		finding := p.failed(report.Critical, "heketi-database", err)
		finding.Commands = []string{backendreport.CLI(p.backend, "cluster list")}
		return finding, false
	case errors.Is(err, volume.ErrUnauthenticated) && !p.backend.HasKey():
		return p.finding(report.Warning, check, "it requires a key and none is configured, so only requests that carry a secret work; "+
			"capacity, lists and the other checks need a configured key", "set the backend's keyFile"), false
	case err != nil:
		return p.failed(report.Critical, check, err), false
	case len(clusters) == 0:
		return p.finding(report.Critical, "heketi-database", heketi.HintNoClusters,
			"if it had volumes, restore its database before you create anything; otherwise load a topology",
			backendreport.CLI(p.backend, "topology load --json=topology.json")), false
	case !p.backend.HasKey():
		return p.finding(report.Info, check, "it accepts requests without a key: any program that reaches it can delete every volume",
			"start Heketi without --disable-auth, with keys, and set the backend's keyFile"), true
	}
	return p.finding(report.OK, check, "it accepts the key", ""), true
}
