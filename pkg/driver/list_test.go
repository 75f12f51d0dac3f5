package driver

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func someVolumes(n int) []volume.Volume {
	volumes := make([]volume.Volume, n)
	for i := range volumes {
		volumes[i] = volume.Volume{
			Handle:        volume.Handle{Backend: "lab", ID: fmt.Sprintf("%032x", i)},
			Name:          fmt.Sprintf("csi-%d", i),
			CapacityBytes: int64(i+1) * volume.GiB,
		}
	}
	return volumes
}

func TestListVolumes(t *testing.T) {
	provisioner := &fakeProvisioner{volumes: someVolumes(3)}
	server := &controllerServer{provisioner: provisioner}
	tests := []struct {
		name        string
		token       string
		max         int32
		entries     int
		next, after string
	}{
		{name: "all", entries: 3},
		{name: "a page", max: 2, entries: 2, next: "lab/00000000000000000000000000000001"},
		{name: "exactly all", max: 3, entries: 3},
		{name: "from a token", token: anyHandle, max: 4, entries: 3, after: anyHandle},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response, err := server.ListVolumes(t.Context(), &csi.ListVolumesRequest{StartingToken: tt.token, MaxEntries: tt.max})
			if err != nil {
				t.Fatal(err)
			}
			if len(response.GetEntries()) != tt.entries || response.GetNextToken() != tt.next || provisioner.after != tt.after {
				t.Errorf("%d entries, next %q, asked for what comes after %q; want %d, %q, %q",
					len(response.GetEntries()), response.GetNextToken(), provisioner.after, tt.entries, tt.next, tt.after)
			}
			want := &csi.Volume{
				VolumeId: "lab/" + strings.Repeat("0", 32), CapacityBytes: volume.GiB, VolumeContext: provisioner.volumes[0].Context(),
			}
			if diff := cmp.Diff(want, response.GetEntries()[0].GetVolume(), protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// listing lists the handles above after, as a backend does.
type listing struct {
	fakeProvisioner
	volumes []volume.Volume
	unwell  []volume.Health
}

func (l *listing) List(_ context.Context, after string, _ int) ([]volume.Volume, bool, error) {
	return l.volumes[sort.Search(len(l.volumes), func(i int) bool { return l.volumes[i].Handle.String() > after }):], false, nil
}

func (l *listing) ListHealth(_ context.Context, after string, _ int) ([]volume.Health, bool, error) {
	return l.unwell[sort.Search(len(l.unwell), func(i int) bool { return l.unwell[i].Handle.String() > after }):], false, nil
}

// TestListsPassAsPages: a client with gRPC's default limit of 4 MiB gets all volumes, even if it does not ask for pages.
func TestListsPassAsPages(t *testing.T) {
	const many = 3_000 // large volumes, the size of 13,000 ordinary ones
	provisioner := &listing{volumes: someVolumes(many), unwell: someUnwell(many)}
	for i := range many {
		provisioner.volumes[i].Servers = []string{strings.Repeat("s", 1500)}
		provisioner.unwell[i].Conditions[0].Message = strings.Repeat("x", 1500)
	}
	client := csi.NewControllerClient(start(t, Config{Provisioner: provisioner, Health: true}, time.Minute).conn)
	for name, list := range map[string]func(token string) (ids []string, next string, err error){
		"ListVolumes": func(token string) ([]string, string, error) {
			answer, err := client.ListVolumes(t.Context(), &csi.ListVolumesRequest{StartingToken: token})
			ids := make([]string, 0, len(answer.GetEntries()))
			for _, entry := range answer.GetEntries() {
				ids = append(ids, entry.GetVolume().GetVolumeId())
			}
			return ids, answer.GetNextToken(), err
		},
		"ControllerListVolumeHealth": func(token string) ([]string, string, error) {
			answer, err := client.ControllerListVolumeHealth(t.Context(), &csi.ControllerListVolumeHealthRequest{StartingToken: token})
			ids := make([]string, 0, len(answer.GetEntries()))
			for _, entry := range answer.GetEntries() {
				ids = append(ids, entry.GetVolumeId())
			}
			return ids, answer.GetNextToken(), err
		},
	} {
		var ids []string
		pages, token := 0, ""
		for pages == 0 || token != "" {
			found, next, err := list(token)
			if err != nil {
				t.Fatalf("%s: page %d: %v", name, pages, err)
			}
			ids, token = append(ids, found...), next
			pages++
		}
		if slices.Sort(ids); len(ids) != many || len(slices.Compact(ids)) != many || pages < 2 {
			t.Errorf("%s: %d pages have %d volumes", name, pages, len(ids))
		}
	}
}

func TestListVolumesRefuses(t *testing.T) {
	provisioner := &fakeProvisioner{}
	server := &controllerServer{provisioner: provisioner}
	for _, token := range []string{"x", "1", "lab/", strings.ToUpper(anyHandle)} {
		_, err := server.ListVolumes(t.Context(), &csi.ListVolumesRequest{StartingToken: token})
		wantError(t, err, codes.Aborted, "starting_token")
	}
	_, err := server.ListVolumes(t.Context(), &csi.ListVolumesRequest{MaxEntries: -1})
	wantError(t, err, codes.InvalidArgument, "max_entries")
	if provisioner.calls > 0 {
		t.Error("the backend was asked")
	}
	provisioner.err = volume.ErrUnavailable
	_, err = server.ListVolumes(t.Context(), &csi.ListVolumesRequest{})
	wantError(t, err, codes.Unavailable)
}

func TestControllerGetVolume(t *testing.T) {
	provisioner := &fakeProvisioner{volume: someVolumes(1)[0]}
	server := &controllerServer{provisioner: provisioner}
	response, err := server.ControllerGetVolume(t.Context(), &csi.ControllerGetVolumeRequest{VolumeId: anyHandle})
	if err != nil {
		t.Fatal(err)
	}
	if response.GetStatus() == nil || response.GetVolume().GetCapacityBytes() != volume.GiB || response.GetVolume().GetVolumeContext()["volume"] != "csi-0" {
		t.Errorf("answer: %v", response)
	}
	tests := []struct {
		id   string
		err  error
		code codes.Code
	}{
		{id: "", code: codes.InvalidArgument},
		{id: "my-data", code: codes.NotFound},
		{id: anyHandle, err: volume.ErrNotFound, code: codes.NotFound},
		{id: anyHandle, err: volume.ErrUnavailable, code: codes.Unavailable},
	}
	for _, tt := range tests {
		provisioner.err = tt.err
		_, err := server.ControllerGetVolume(t.Context(), &csi.ControllerGetVolumeRequest{VolumeId: tt.id})
		wantError(t, err, tt.code)
	}
}
