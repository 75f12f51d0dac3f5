package e2e

import "testing"

// TestHeketiAway creates a claim while Heketi is down: the claim must wait, and a running pod must not be disturbed.
func TestHeketiAway(t *testing.T) {
	theDriver(t)
	up(t, example(t, "storageclass-replicate.yaml"), "")
	s := newSpace(t, "heketi-away")
	s.apply(claim("before", "gluster-replicate", "ReadWriteMany", "1Gi") + pod("worker", "", "before", 0))
	s.running("worker")
	heketi := cluster.Lab().Heketi()
	if err := heketi.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	back := func() {
		t.Helper()
		if !heketi.Running(t.Context()) {
			if err := heketi.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	defer back()
	s.apply(claim("meanwhile", "gluster-replicate", "ReadWriteMany", "1Gi") + pod("late", "", "before", 0))
	mistake{
		kind: "PersistentVolumeClaim", whom: "meanwhile", documented: "is Heketi running, and is the backend's url right?", said: []string{heketi.URL},
	}.check(t, s)
	s.running("late")
	s.in("worker", "echo works > /data/file")
	if got := s.in("late", "cat /data/file"); got != "works\n" {
		t.Errorf("a pod that was started without Heketi reads %q", got)
	}
	back()
	s.bound("meanwhile")
}
