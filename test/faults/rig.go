package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// gidMin is the first group id of the classes; the foreign volumes have the lowest ids of this range.
const (
	gidMin = 3000
	gidMax = 3019
)

// rig consists of a Heketi, a driver, and the proxy between them. One schedule runs on it at a time.
type rig struct {
	heketi     *heketi
	proxy      *Proxy
	driver     *driver
	others     map[string]string // URLs of Heketis with other databases, by the control that puts them in place
	verbs      []Verb
	parameters map[string]string // of every class
}

func startRig(ctx context.Context, program, dir string, clusters int, others map[string]string) (*rig, error) {
	r := &rig{others: others, parameters: map[string]string{}}
	if err := r.start(ctx, program, dir, clusters); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

func (r *rig) start(ctx context.Context, program, dir string, clusters int) (err error) {
	if r.heketi, err = startHeketi(ctx, filepath.Join(dir, "heketi"), clusters); err != nil {
		return err
	}
	if r.proxy, err = StartProxy(ctx, r.heketi.server.URL); err != nil {
		return err
	}
	if r.driver, err = startDriver(ctx, program, filepath.Join(dir, "driver"), r.proxy.URL); err != nil {
		return err
	}
	if r.verbs, err = verbsOf(ctx, r.driver); err != nil {
		return err
	}
	groups, err := supportsGroupIDs(ctx, r.driver)
	if groups {
		// There are few, so that they must be reused.
		r.parameters = map[string]string{"gidMin": strconv.Itoa(gidMin), "gidMax": strconv.Itoa(gidMax)}
	}
	if err != nil {
		return err
	}
	return r.acquaint(ctx)
}

// acquaint makes the driver use its Heketi once: only then can the driver notice another Heketi.
func (r *rig) acquaint(ctx context.Context) error {
	s := &schedule{rig: r, model: newModel(), trace: NewTrace()}
	name := Name{CSI: "first", SizeGiB: 1, VolumeType: "none"}
	s.settle(ctx, "rig", s.create(name, 1, ""))
	if id := s.model.Latest(name.CSI); id != "" {
		s.settle(ctx, "rig", s.delete(id))
	}
	s.compare()
	if found := s.model.Violations(); len(found) > 0 {
		return fmt.Errorf("the first create and delete, without any fault: %s\n%s", strings.Join(found, "; "), s.trace)
	}
	return nil
}

func (r *rig) stop() error {
	var errs []error
	if r.driver != nil {
		errs = append(errs, r.driver.stop())
	}
	if r.proxy != nil {
		errs = append(errs, r.proxy.Close())
	}
	if r.heketi != nil {
		errs = append(errs, r.heketi.server.Stop())
	}
	return errors.Join(errs...)
}

// idle returns the errors of the driver after all schedules, from its log, and an error if it sends requests to Heketi while it
// gets no calls.
func (r *rig) idle(ctx context.Context) []string {
	found := r.driver.misdeeds()
	before := r.proxy.requests.Load()
	wait(ctx, 500*time.Millisecond)
	if n := r.proxy.requests.Load() - before; n > 0 {
		found = append(found, fmt.Sprintf("the driver sent %d requests to Heketi in half a second without a call", n))
	}
	return found
}
