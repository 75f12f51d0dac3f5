package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

var testPod = mount.Pod{Namespace: "team-a", Name: "web-0", UID: "u"}

// runEvents runs an Events in the bubble until the test ends.
func runEvents(t *testing.T) (e *Events, api *fake.FakeDynamicClient, log *bytes.Buffer) {
	t.Helper()
	c, api := newFakeCluster(t)
	e, log = c.NewEvents(testDriver, testNode), &bytes.Buffer{}
	run(t, func(ctx context.Context) {
		e.Run(klog.NewContext(ctx, textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(log)))))
	})
	return e, api, log
}

// created waits until the goroutines are idle, and returns the events that were created so far.
func created(api *fake.FakeDynamicClient) (events []*unstructured.Unstructured) {
	synctest.Wait()
	for _, action := range api.Actions() {
		events = append(events, action.(clienttesting.CreateAction).GetObject().(*unstructured.Unstructured))
	}
	return events
}

// texts returns count and message of each event.
func texts(events []*unstructured.Unstructured) (list []string) {
	for _, event := range events {
		list = append(list, fmt.Sprint(event.Object["count"], " ", event.Object["message"]))
	}
	return list
}

func TestEventOnAPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, api, _ := runEvents(t)
		e.Pod(testPod, EventNormal, MountHealed, "2 mounts work again")
		events := created(api)
		if len(events) != 1 {
			t.Fatalf("%d events", len(events))
		}
		now := time.Now()
		if diff := cmp.Diff(map[string]any{
			"apiVersion": "v1", "kind": "Event",
			"metadata":       map[string]any{"namespace": "team-a", "name": fmt.Sprintf("web-0.%x", now.UnixNano())},
			"involvedObject": map[string]any{"apiVersion": "v1", "kind": "Pod", "namespace": "team-a", "name": "web-0", "uid": "u"},
			"type":           "Normal", "reason": "MountHealed", "message": "2 mounts work again", "count": int64(1),
			"firstTimestamp": now.UTC().Format(time.RFC3339), "lastTimestamp": now.UTC().Format(time.RFC3339),
			"source":             map[string]any{"component": testDriver, "host": testNode},
			"reportingComponent": testDriver, "reportingInstance": testNode,
		}, events[0].Object); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEventOnAPersistentVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, api, _ := runEvents(t)
		e.Volume("pvc-1", EventWarning, ClientEnded, "it was killed")
		events := created(api)
		if len(events) != 1 || events[0].GetNamespace() != "default" {
			t.Fatalf("%v", events)
		}
		if diff := cmp.Diff(map[string]any{"apiVersion": "v1", "kind": "PersistentVolume", "name": "pvc-1"}, events[0].Object["involvedObject"]); diff != "" {
			t.Error(diff)
		}
	})
}

// TestNoEvent: without an object, or with a nil Events, nothing is created.
func TestNoEvent(t *testing.T) {
	var none *Events
	none.Pod(testPod, EventNormal, MountHealed, "x")
	none.Volume("pvc-1", EventNormal, MountHealed, "x")
	synctest.Test(t, func(t *testing.T) {
		e, api, _ := runEvents(t)
		e.Pod(mount.Pod{}, EventNormal, MountHealed, "x")
		e.Volume("", EventNormal, MountHealed, "x")
		if events := created(api); len(events) > 0 {
			t.Errorf("%v", events)
		}
	})
}

// TestEventsOfAMinute: events of one kind within a minute become one event at the end of the minute, with each message once.
func TestEventsOfAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, api, _ := runEvents(t)
		began := time.Now()
		e.Pod(testPod, EventWarning, MountNotHealed, "first")
		synctest.Wait()
		for _, message := range []string{"second", "third", "second"} {
			time.Sleep(10 * time.Second)
			e.Pod(testPod, EventWarning, MountNotHealed, message)
		}
		// Events with another reason, pod or type are not held back by these.
		e.Pod(testPod, EventNormal, MountHealed, "other reason")
		e.Pod(mount.Pod{Namespace: "team-a", Name: "web-0", UID: "next"}, EventWarning, MountNotHealed, "other pod")
		if diff := cmp.Diff([]string{"1 first", "1 other reason", "1 other pod"}, texts(created(api))); diff != "" {
			t.Error(diff)
		}
		time.Sleep(30*time.Second - 1)
		if n := len(created(api)); n != 3 {
			t.Errorf("%d events before the minute's end", n)
		}
		time.Sleep(time.Nanosecond)
		events := created(api)
		if diff := cmp.Diff([]string{"1 first", "1 other reason", "1 other pod", "3 second; third"}, texts(events)); diff != "" {
			t.Fatal(diff)
		}
		for field, after := range map[string]time.Duration{"firstTimestamp": 10 * time.Second, "lastTimestamp": 30 * time.Second} {
			if got := events[3].Object[field]; got != began.Add(after).UTC().Format(time.RFC3339) {
				t.Errorf("%s is %s, %s after the begin are wanted", field, got, after)
			}
		}
		time.Sleep(time.Hour)
		if len(e.recent) > 4 {
			t.Errorf("kept: %v", e.recent)
		}
		e.Pod(testPod, EventWarning, MountNotHealed, "later")
		if events := created(api); len(events) != 5 || len(e.recent) != 1 {
			t.Errorf("after an hour: %q, kept %d", texts(events), len(e.recent))
		}
	})
}

// TestEventText: a message is one printable line below the API's limit, however many messages were combined.
func TestEventText(t *testing.T) {
	e := (&Client{}).NewEvents(testDriver, testNode)
	for i := range 1000 {
		e.Volume(strings.Repeat("n", 253), EventWarning, WroteBelowMount, fmt.Sprintf("file %d\x1b[31m\n\xff", i)+strings.Repeat("x", 10*i))
	}
	v, _, _ := e.next(time.Now(), eventHold)
	if size := len(strings.Join(v.messages, "; ")); size > 2*longestEvent || v.count != 1000 {
		t.Errorf("%d bytes kept of %d messages", size, v.count)
	}
	object := e.object(v)
	message := object.Object["message"].(string)
	if len(message) != longestEvent || strings.ContainsAny(message, "\x1b\n") || !utf8.ValidString(message) || !strings.HasPrefix(message, "file 0") {
		t.Errorf("%d bytes: %q", len(message), message)
	}
	if len(object.GetName()) > 253 {
		t.Errorf("a name of %d bytes", len(object.GetName()))
	}
}

// TestEventsWhileTheAPIServerIsAway: events are dropped, each failure is logged once, and the repair that reports events never
// waits.
func TestEventsWhileTheAPIServerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, api, log := runEvents(t)
		var back atomic.Bool
		api.PrependReactor("create", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
			time.Sleep(time.Second)
			if !back.Load() {
				return true, nil, errBroken
			}
			return false, nil, nil
		})
		for i := range 2*mostEvents + 1 { // one of them is taken at once
			e.Volume(fmt.Sprintf("pvc-%d", i), EventNormal, MountHealed, "x")
			if i == 0 {
				synctest.Wait()
			}
		}
		time.Sleep(10*time.Second + 1)
		back.Store(true)
		time.Sleep(time.Hour)
		if n := len(created(api)); n != mostEvents+1 {
			t.Errorf("%d events were asked for, want %d", n, mostEvents+1)
		}
		if n := strings.Count(log.String(), "Events cannot be created"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, log)
		}
		if !strings.Contains(log.String(), fmt.Sprintf("dropped=%d\n", mostEvents+10)) {
			t.Errorf("logged:\n%s", log)
		}
	})
}

// TestEventsOfANamespaceThatGoes: events in a terminating namespace are dropped, and not logged as a failure.
func TestEventsOfANamespaceThatGoes(t *testing.T) {
	events := schema.GroupResource{Resource: "events"}
	going := apierrors.NewForbidden(events, "x", errors.New("because it is being terminated"))
	going.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "NamespaceTerminating"}}
	for _, err := range []error{going, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "team-a")} {
		synctest.Test(t, func(t *testing.T) {
			e, api, log := runEvents(t)
			failFirst(api, "create", "events", err)
			e.Pod(testPod, EventNormal, MountHealed, "x")
			if n := len(created(api)); n != 1 || log.Len() > 0 {
				t.Errorf("%d events, logged: %s", n, log)
			}
		})
	}
}

// TestEventsForbidden: the missing permission is logged once, although each refusal names another event and namespace.
func TestEventsForbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, api, log := runEvents(t)
		api.PrependReactor("create", "events", func(action clienttesting.Action) (bool, runtime.Object, error) {
			name := action.(clienttesting.CreateAction).GetObject().(*unstructured.Unstructured).GetName()
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "events"}, name,
				fmt.Errorf("User \"x\" cannot create resource \"events\" in the namespace %q", action.GetNamespace()))
		})
		for _, namespace := range []string{"team-a", "team-b", "team-a"} {
			e.Pod(mount.Pod{Namespace: namespace, Name: "web"}, EventNormal, MountHealed, "x")
			created(api)
			time.Sleep(eventHold)
		}
		if n := strings.Count(log.String(), "must allow: create events"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, log)
		}
	})
}

// TestEventsAtTheEnd: events that are held back are created before the process ends, if the API server answers within two
// seconds.
func TestEventsAtTheEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		takes time.Duration
		want  int
	}{"quick": {0, 6}, "slow": {1500 * time.Millisecond, 5}} { // three of them at once
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, api := newFakeCluster(t)
				e := c.NewEvents(testDriver, testNode)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); e.Run(ctx) }()
				for range 2 {
					for i := range 3 {
						e.Volume(fmt.Sprintf("pvc-%d", i), EventNormal, MountHealed, "x")
					}
					synctest.Wait()
					time.Sleep(time.Nanosecond) // to get different names
				}
				api.PrependReactor("create", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
					time.Sleep(tt.takes)
					return false, nil, nil
				})
				cancel()
				<-ended
				if events := created(api); len(events) != tt.want {
					t.Errorf("%d events, want %d", len(events), tt.want)
				}
			})
		})
	}
}
