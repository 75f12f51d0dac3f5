package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/logging"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
)

// The types of events.
const (
	EventNormal  = "Normal"
	EventWarning = "Warning"
)

// The reasons of events. The chart's policy own-events allows the node plugin only these.
const (
	// MountHealed (Normal): the volume's client had ended, and the mounts work again with a new client.
	MountHealed = "MountHealed"
	// MountNotHealed (Warning): a mount of a client that had ended could not be replaced; the message names the mount, the reason
	// and the remedy.
	MountNotHealed = "MountNotHealed"
	// MountsRestored (Normal): the graph of the volume's client has changed, or bricks were disconnected, and the mounts that the
	// kernel dropped are restored.
	MountsRestored = "MountsRestored"
	// ClientEnded (Warning): the volume's client has ended while it was needed, or, on Linux before 6.5, has ended so often that the
	// pod should be restarted.
	ClientEnded = "ClientEnded"
	// WroteBelowMount (Warning): while a mount inside the volume was missing, files that were meant for it were written into the volume.
	WroteBelowMount = "WroteBelowMount"
)

const (
	mostEvents   = 100             // waiting events; more are dropped
	longestEvent = 1023            // bytes of a message; the API server allows 1,024
	eventHold    = time.Minute     // between two events with the same reason on one object
	eventGrace   = 2 * time.Second // for events that wait when the process ends
	eventVerbs   = "create events"

	namespaceTerminating = "NamespaceTerminating" // the constant of k8s.io/api/core/v1, which adds 3 MB to the binary
)

// Events creates events on pods and PersistentVolumes in the name of a node's driver. Pod and Volume do not block: they queue an
// event, and Run creates it. For a minute after an event, further events with the same reason on the same object are held back.
// Then Run creates one event with their count and their messages. An event that the API server refuses is dropped. Pod and Volume
// of a nil Events do nothing; Run of a nil Events must not be called.
type Events struct {
	client       *Client
	driver, node string
	wake         chan struct{}
	said         logging.LastText // used by Run alone

	mu      sync.Mutex
	waiting []event
	recent  map[eventKey]time.Time // when the last event was taken from waiting, if less than eventHold ago
	dropped int
}

// eventKey identifies the events that are combined.
type eventKey struct {
	kind, namespace, name, uid string
	eventType, reason          string
}

type event struct {
	eventKey
	messages    []string // each message once
	count       int64
	first, last time.Time
}

// NewEvents returns an Events for the driver on the node. It creates no event before Run is called.
func (c *Client) NewEvents(driver, node string) *Events {
	return &Events{client: c, driver: driver, node: node, wake: make(chan struct{}, 1), recent: map[eventKey]time.Time{}}
}

// Pod queues an event on a pod. It does nothing if the pod is not known.
func (e *Events) Pod(pod mount.Pod, eventType, reason, message string) {
	if pod.Name != "" {
		e.add(eventKey{"Pod", pod.Namespace, pod.Name, pod.UID, eventType, reason}, message)
	}
}

// Volume queues an event on a PersistentVolume. It does nothing if the name is not known. The event lacks the PersistentVolume's
// uid, because the node's account would need permission to read all PersistentVolumes: kubectl events --for shows the event,
// kubectl describe pv does not.
func (e *Events) Volume(pv string, eventType, reason, message string) {
	if pv != "" {
		e.add(eventKey{"PersistentVolume", "", pv, "", eventType, reason}, message)
	}
}

func (e *Events) add(key eventKey, message string) {
	if e == nil {
		return
	}
	now := time.Now()
	message = plain.Line(message, longestEvent)
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.waiting, func(other event) bool { return other.eventKey == key })
	if i < 0 {
		if len(e.waiting) >= mostEvents {
			e.dropped++
			return
		}
		i = len(e.waiting)
		e.waiting = append(e.waiting, event{eventKey: key, first: now})
	}
	e.waiting[i].add(message, now)
	select {
	case e.wake <- struct{}{}:
	default: // Run has not yet read an earlier signal
	}
}

// add adds a message, unless it is already there or there is no space for it.
func (v *event) add(message string, now time.Time) {
	v.count++
	v.last = now
	if !slices.Contains(v.messages, message) && len(strings.Join(v.messages, "; ")) < longestEvent {
		v.messages = append(v.messages, message)
	}
}

// Run creates the events until ctx is done. Then it spends at most two seconds on the events that still wait, and drops the rest.
func (e *Events) Run(ctx context.Context) {
	for ctx.Err() == nil {
		next, found, wait := e.next(time.Now(), eventHold)
		if found {
			e.create(ctx, next)
			continue
		}
		var held <-chan time.Time // nil: no event is held back
		if wait > 0 {
			held = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-held:
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eventGrace)
	defer cancel()
	for {
		next, found, _ := e.next(time.Now(), 0)
		if !found || ctx.Err() != nil {
			return
		}
		e.create(ctx, next)
	}
}

// next takes the first event that is not held back. If there is none, it returns how long the next event is held back, or 0 if no
// event is waiting.
func (e *Events) next(now time.Time, hold time.Duration) (next event, found bool, wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.recent, func(_ eventKey, at time.Time) bool { return now.Sub(at) >= hold })
	for i, v := range e.waiting {
		at, held := e.recent[v.eventKey]
		if !held {
			e.waiting = slices.Delete(e.waiting, i, i+1)
			e.recent[v.eventKey] = now
			return v, true, 0
		}
		if left := hold - now.Sub(at); wait == 0 || left < wait {
			wait = left
		}
	}
	return event{}, false, wait
}

func (e *Events) create(ctx context.Context, v event) {
	logger := klog.FromContext(ctx)
	object := e.object(v)
	err := e.client.namespaced("", "events", object.GetNamespace(), eventVerbs).create(ctx, object)
	if apierrors.HasStatusCause(err, namespaceTerminating) || apierrors.IsNotFound(err) {
		return // the pod is deleted with its namespace
	}
	failure := err
	if err != nil { // a refusal names the event and its namespace, which differ each time
		failure = errors.New(strings.NewReplacer(object.GetName(), "", strconv.Quote(object.GetNamespace()), "").Replace(err.Error()))
	}
	if e.said.IsNewError(failure) && ctx.Err() == nil {
		logger.Error(err, "Events cannot be created, and are dropped")
	}
	if dropped := e.drops(err); dropped > 0 {
		logger.Info("Events can be created again; some were dropped", "dropped", dropped)
	}
}

// drops counts an event that could not be created because of err. If err is nil, drops instead returns how many events were
// dropped since its last call with nil.
func (e *Events) drops(err error) (dropped int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.dropped++
		return 0
	}
	dropped, e.dropped = e.dropped, 0
	return dropped
}

// object returns an Event of the core API, which kubectl describe reads and which does not require an action.
func (e *Events) object(v event) *unstructured.Unstructured {
	involved := map[string]any{"apiVersion": "v1", "kind": v.kind, "name": v.name}
	namespace := metav1.NamespaceDefault // for events of objects without a namespace
	if v.namespace != "" {
		namespace = v.namespace
		involved["namespace"] = v.namespace
	}
	if v.uid != "" {
		involved["uid"] = v.uid
	}
	const longestName, suffix = 253, 17
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Event",
		"metadata": map[string]any{
			"namespace": namespace,
			"name":      fmt.Sprintf("%.*s.%x", longestName-suffix, v.name, time.Now().UnixNano()), // as client-go does
		},
		"involvedObject":     involved,
		"type":               v.eventType,
		"reason":             v.reason,
		"message":            plain.Line(strings.Join(v.messages, "; "), longestEvent),
		"count":              v.count,
		"firstTimestamp":     v.first.UTC().Format(time.RFC3339),
		"lastTimestamp":      v.last.UTC().Format(time.RFC3339),
		"source":             map[string]any{"component": e.driver, "host": e.node},
		"reportingComponent": e.driver,
		"reportingInstance":  e.node,
	}}
}
