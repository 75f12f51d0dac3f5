package provisioner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func withProfile(t *testing.T, profile string) volume.Spec {
	t.Helper()
	s := spec("pvc-1")
	var err error
	if s.Parameters, err = volume.ParseParameters(map[string]string{"profile": profile}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestProfileOfAVolume: every call returns the same context as the create, for volumes of this driver and of others.
func TestProfileOfAVolume(t *testing.T) {
	for profile, mountOptions := range map[string]string{
		"": "", "general": "", "small-files": "", "large-files": "", "virtual-machines": "", "database": "fopen-keep-cache=off",
	} {
		t.Run(profile, func(t *testing.T) {
			f := start(t)
			v := f.create(t, withProfile(t, profile))
			if got := v.Context()[volume.ContextMountOptions]; got != mountOptions {
				t.Errorf("the context has the mount options %q, want %q", got, mountOptions)
			}
			p := f.another(t, 8, timing())
			again, err := p.Create(t.Context(), withProfile(t, profile))
			if err != nil {
				t.Fatal(err)
			}
			found, err := p.Get(t.Context(), v.Handle, volume.Credentials{})
			if err != nil {
				t.Fatal(err)
			}
			listed, _, err := p.List(t.Context(), "", 0)
			if err != nil || len(listed) != 1 {
				t.Fatalf("the list is %v, %v", listed, err)
			}
			listed[0].Servers = v.Servers // the server's records have none
			for call, other := range map[string]volume.Volume{"create": again, "get": found, "list": listed[0]} {
				if diff := cmp.Diff(v.Context(), other.Context()); diff != "" {
					t.Errorf("%s has another context: %s", call, diff)
				}
			}
		})
	}
}

func TestAnotherProfileIsAnotherVolume(t *testing.T) {
	f := start(t)
	f.create(t, withProfile(t, "small-files"))
	_, err := f.provisioner.Create(t.Context(), withProfile(t, "database"))
	wantError(t, err, volume.ErrIncompatible)
	says(t, err, "user.glusterfs-csi.profile database", "user.glusterfs-csi.profile small-files")
	f.wantVolumes(t, 1)
}
