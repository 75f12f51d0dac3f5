package faults

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const gib = volume.GiB

// Verb is a kind of call.
type Verb struct {
	Name   string
	Weight int
	Grows  bool // it requests more than the usual size
	// Needs is the capability that a driver must advertise for the verb; UNKNOWN means none.
	Needs csi.ControllerServiceCapability_RPC_Type
	// Prepare makes the request of a step, which is repeated unchanged. It returns nil if there is nothing to request yet.
	Prepare func(s *schedule, step Step) *request
}

// request is a call that can be repeated.
type request struct {
	text string
	// send sends the request and reports it to the model.
	send func(ctx context.Context) error
	// definite holds the codes, besides OK, after which the request is not repeated.
	definite []codes.Code
}

func everyVerb() []Verb {
	return []Verb{
		{Name: "create", Weight: 10, Needs: csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME, Prepare: prepareCreate},
		{Name: "delete", Weight: 7, Needs: csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME, Prepare: prepareDelete},
		{Name: "delete-foreign", Weight: 1, Needs: csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME, Prepare: prepareDeleteForeign},
		{Name: "validate", Weight: 2, Prepare: prepareValidate},
		{Name: "expand", Weight: 12, Grows: true, Needs: csi.ControllerServiceCapability_RPC_EXPAND_VOLUME, Prepare: prepareExpand},
		{Name: "list", Weight: 3, Needs: csi.ControllerServiceCapability_RPC_LIST_VOLUMES, Prepare: prepareList},
		{Name: "get", Weight: 2, Needs: csi.ControllerServiceCapability_RPC_GET_VOLUME, Prepare: prepareGet},
		{Name: "capacity", Weight: 1, Needs: csi.ControllerServiceCapability_RPC_GET_CAPACITY, Prepare: prepareCapacity},
	}
}

// verbsOf returns the verbs that the driver offers.
func verbsOf(ctx context.Context, client csi.ControllerClient) ([]Verb, error) {
	response, err := client.ControllerGetCapabilities(ctx, &csi.ControllerGetCapabilitiesRequest{})
	if err != nil {
		return nil, err
	}
	offered := map[csi.ControllerServiceCapability_RPC_Type]bool{csi.ControllerServiceCapability_RPC_UNKNOWN: true}
	for _, c := range response.GetCapabilities() {
		offered[c.GetRpc().GetType()] = true
	}
	return slices.DeleteFunc(everyVerb(), func(v Verb) bool { return !offered[v.Needs] }), nil
}

func handleOf(id string) string { return volume.Handle{Backend: backendName, ID: id}.String() }

func idOf(handle string) string { return strings.TrimPrefix(handle, backendName+"/") }

func capabilities() []*csi.VolumeCapability {
	return []*csi.VolumeCapability{{
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER},
	}}
}

func prepareCreate(s *schedule, step Step) *request {
	name := s.plan.Names[step.Name]
	return s.create(name, name.SizeGiB+step.More, step.Prefix)
}

// create is also used at the end of a schedule. The prefix is the class's volumenameprefix: a class may change, and then give the
// same CSI name another gluster volume name, but never a second volume.
func (s *schedule) create(name Name, sizeGiB int, prefix string) *request {
	r := &csi.CreateVolumeRequest{
		Name: name.CSI, VolumeCapabilities: capabilities(), Parameters: maps.Clone(s.rig.parameters),
		CapacityRange: &csi.CapacityRange{RequiredBytes: int64(sizeGiB) * gib},
	}
	r.Parameters["volumetype"] = name.VolumeType
	if prefix != "" {
		r.Parameters["volumenameprefix"] = prefix
	}
	if ids := s.rig.heketi.clusterIDs(name.Clusters); ids != "" {
		r.Parameters["clusterid"] = ids
	}
	return &request{
		text:     fmt.Sprintf("create %s, %d GiB, %s, clusters %v, prefix %q", name.CSI, sizeGiB, name.VolumeType, name.Clusters, prefix),
		definite: []codes.Code{codes.AlreadyExists},
		send: func(ctx context.Context) error {
			call := s.model.CreateBegins(name.CSI, sizeGiB, sizeGiB != name.SizeGiB)
			response, err := s.rig.driver.CreateVolume(ctx, r)
			if err != nil {
				s.model.CreateFails(call, status.Code(err), s.expectedOfCreate()...)
				s.lookAfterRefusal(call, err)
				return err
			}
			id := idOf(response.GetVolume().GetVolumeId())
			s.model.CreateSucceeds(call, id, sizeGiB, response.GetVolume().GetCapacityBytes())
			s.lookAfterCreate(id, response.GetVolume())
			return nil
		},
	}
}

func prepareDelete(s *schedule, step Step) *request {
	id := s.model.Latest(s.plan.Names[step.Name].CSI)
	if id == "" {
		return nil
	}
	return s.delete(id)
}

func (s *schedule) delete(id string) *request {
	return &request{
		text: "delete " + id,
		send: func(ctx context.Context) error {
			call := s.model.DeleteBegins(id)
			_, err := s.rig.driver.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: handleOf(id)})
			s.model.DeleteEnds(call, status.Code(err), s.expectedOfDelete()...)
			if err == nil {
				s.lookAfterDelete(id)
			}
			return err
		},
	}
}

// prepareDeleteForeign imitates an administrator's mistake: a handle with the id of a volume that the driver did not make.
func prepareDeleteForeign(s *schedule, step Step) *request {
	id := s.rig.heketi.anyForeign(step.Pick)
	return &request{
		text:     "delete foreign " + id,
		definite: []codes.Code{codes.InvalidArgument, codes.FailedPrecondition, codes.PermissionDenied},
		send: func(ctx context.Context) error {
			_, err := s.rig.driver.DeleteVolume(ctx, &csi.DeleteVolumeRequest{VolumeId: handleOf(id)})
			if err == nil {
				s.model.Violate("the delete of the foreign volume %s was answered with OK", id)
			}
			return err
		},
	}
}

func prepareValidate(s *schedule, step Step) *request {
	return s.read("validate", step, func(ctx context.Context, handle string) error {
		_, err := s.rig.driver.ValidateVolumeCapabilities(ctx, &csi.ValidateVolumeCapabilitiesRequest{
			VolumeId: handle, VolumeCapabilities: capabilities(),
		})
		return err
	})
}

func prepareGet(s *schedule, step Step) *request {
	return s.read("get", step, func(ctx context.Context, handle string) error {
		_, err := s.rig.driver.ControllerGetVolume(ctx, &csi.ControllerGetVolumeRequest{VolumeId: handle})
		return err
	})
}

// read queries the latest volume of a name.
func (s *schedule) read(what string, step Step, ask func(ctx context.Context, handle string) error) *request {
	id := s.model.Latest(s.plan.Names[step.Name].CSI)
	if id == "" {
		return nil
	}
	return &request{
		text:     what + " " + id,
		definite: []codes.Code{codes.NotFound},
		send: func(ctx context.Context) error {
			call := s.model.ReadBegins(id)
			err := ask(ctx, handleOf(id))
			s.model.ReadEnds(call, what, status.Code(err))
			return err
		},
	}
}

func prepareExpand(s *schedule, step Step) *request {
	name := s.plan.Names[step.Name]
	id := s.model.Latest(name.CSI)
	if id == "" {
		return nil
	}
	sizeGiB := name.SizeGiB + step.More
	return &request{
		text:     fmt.Sprintf("expand %s to %d GiB", id, sizeGiB),
		definite: []codes.Code{codes.NotFound},
		send: func(ctx context.Context) error {
			call := s.model.ExpandBegins(id, sizeGiB)
			response, err := s.rig.driver.ControllerExpandVolume(ctx, &csi.ControllerExpandVolumeRequest{
				VolumeId: handleOf(id), CapacityRange: &csi.CapacityRange{RequiredBytes: int64(sizeGiB) * gib},
			})
			s.model.ExpandEnds(call, status.Code(err), sizeGiB, response.GetCapacityBytes(), s.expectedOfCreate()...)
			return err
		},
	}
}

// prepareList reads all pages, two volumes at a time.
func prepareList(s *schedule, _ Step) *request {
	return &request{
		text: "list",
		send: func(ctx context.Context) error {
			call := s.model.ReadBegins("")
			listed := map[string]int64{}
			r := &csi.ListVolumesRequest{MaxEntries: 2}
			for {
				response, err := s.rig.driver.ListVolumes(ctx, r)
				if err != nil {
					return err
				}
				for _, entry := range response.GetEntries() {
					id := idOf(entry.GetVolume().GetVolumeId())
					if _, twice := listed[id]; twice {
						s.model.Violate("list has %s twice", id)
					}
					if v, ok := s.rig.heketi.foreign[id]; ok {
						s.model.Violate("list has %s (%s), which is foreign", id, v.Name)
					}
					listed[id] = entry.GetVolume().GetCapacityBytes()
				}
				if r.StartingToken = response.GetNextToken(); r.GetStartingToken() == "" {
					s.model.ListEnds(call, listed)
					return nil
				}
			}
		},
	}
}

func prepareCapacity(s *schedule, _ Step) *request {
	return &request{
		text: "capacity",
		send: func(ctx context.Context) error {
			response, err := s.rig.driver.GetCapacity(ctx, &csi.GetCapacityRequest{})
			if err == nil && response.GetAvailableCapacity() < 0 {
				s.model.Violate("the capacity is %d bytes", response.GetAvailableCapacity())
			}
			return err
		},
	}
}

// lookAfterCreate reads Heketi's records immediately after a successful create.
func (s *schedule) lookAfterCreate(id string, v *csi.Volume) {
	truth, err := s.rig.heketi.truth()
	if err != nil || !s.model.Untouched(id) {
		return // Heketi has just been killed, or another caller deletes the volume; the end of the schedule shows the result
	}
	found, ok := truth.Volumes[id]
	switch {
	case !ok || found.Pending != "":
		s.model.Violate("a create returned %s, which Heketi does not have or has not finished: %+v", id, found)
	case strconv.FormatInt(found.GID, 10) != v.GetVolumeContext()[volume.ContextGID]:
		s.model.Violate("a create returned %s with group id %s, Heketi has %d", id, v.GetVolumeContext()[volume.ContextGID], found.GID)
	}
}

// lookAfterDelete reads Heketi's records immediately after a successful delete.
func (s *schedule) lookAfterDelete(id string) {
	truth, err := s.rig.heketi.truth()
	if err != nil {
		return
	}
	if found, ok := truth.Volumes[id]; ok {
		s.model.Violate("a delete of %s succeeded, but Heketi has it: %+v", id, found)
	}
}

// lookAfterRefusal reads Heketi's records after an answer to a create that makes external-provisioner forget the volume: Heketi
// must not have the volume.
func (s *schedule) lookAfterRefusal(call Call, err error) {
	harmless := []codes.Code{
		codes.Aborted, codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.AlreadyExists,
	}
	if slices.Contains(harmless, status.Code(err)) {
		return
	}
	truth, truthErr := s.rig.heketi.truth()
	if truthErr != nil || !s.model.IsLast(call) {
		return
	}
	for _, id := range truth.Of(call.name) {
		s.model.Violate("a create of %s was refused for good, but Heketi has its volume %s: %v", call.name, id, err)
	}
}

// expectedOfCreate returns the final codes of a create or expand to which the plan can lead.
func (s *schedule) expectedOfCreate() []codes.Code {
	expected := s.expectedOfFailure()
	if s.plan.Has(CloseCluster) {
		expected = append(expected, codes.FailedPrecondition)
	}
	if s.plan.Has(Full) || s.plan.Has(NoSpace) || s.plan.Has(CloseCluster) {
		expected = append(expected, codes.ResourceExhausted, codes.OutOfRange) // only an expand gets OutOfRange
	}
	return expected
}

func (s *schedule) expectedOfDelete() []codes.Code {
	expected := s.expectedOfFailure()
	if s.plan.Has(DestroyFails) {
		expected = append(expected, codes.FailedPrecondition) // "Some of the peers are down"
	}
	return expected
}

// expectedOfFailure returns INTERNAL if operations fail, or if a gateway reports a failure.
func (s *schedule) expectedOfFailure() []codes.Code {
	garbage := slices.ContainsFunc(s.plan.Rates[ClassPoll], func(r Rate) bool { return r.Fault == Garbage })
	if garbage || s.plan.Has(CreateFails) || s.plan.Has(DestroyFails) {
		return []codes.Code{codes.Internal}
	}
	return nil
}

// supportsGroupIDs finds out whether the driver supports gidMin and gidMax, which cannot be advertised.
func supportsGroupIDs(ctx context.Context, client csi.ControllerClient) (bool, error) {
	_, err := client.CreateVolume(ctx, &csi.CreateVolumeRequest{
		Name: "probe", VolumeCapabilities: capabilities(),
		Parameters: map[string]string{"gidMin": strconv.Itoa(gidMin), "gidMax": "no number"},
	})
	if status.Code(err) != codes.InvalidArgument {
		return false, fmt.Errorf("a class with a bad gidMax is not answered with INVALID_ARGUMENT: %w", err)
	}
	return !strings.Contains(err.Error(), "not a known parameter"), nil
}
