package heketitest

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/heketi/heketi/pkg/glusterfs/api"
)

// mostBricks is Heketi's default limit (heketi: apps/glusterfs, BrickMaxNum).
const mostBricks = 32

const kibPerGiB = 1 << 20

// newBricks returns the bricks of one set with sizeGiB of data.
func newBricks(d api.VolumeDurabilityInfo, sizeGiB int) []api.BrickInfo {
	n, data := 1, 1
	switch d.Type {
	case api.DurabilityReplicate:
		n = d.Replicate.Replica
	case api.DurabilityEC:
		n, data = d.Disperse.Data+d.Disperse.Redundancy, d.Disperse.Data
	case api.DurabilityDistributeOnly:
	}
	bricks := make([]api.BrickInfo, n)
	for i := range bricks {
		bricks[i] = api.BrickInfo{Id: newID(), Size: uint64(sizeGiB * kibPerGiB / data)}
	}
	return bricks
}

func idsOf(bricks []api.BrickInfo) []string {
	ids := make([]string, 0, len(bricks))
	for _, b := range bricks {
		ids = append(ids, b.Id)
	}
	return ids
}

func (s *Server) expandVolume(w http.ResponseWriter, r *http.Request) {
	var request api.VolumeExpandRequest
	v := s.volumes[r.PathValue("id")]
	switch err := json.NewDecoder(r.Body).Decode(&request); {
	case err != nil:
		http.Error(w, "request unable to be parsed", http.StatusUnprocessableEntity)
	case request.Size < 1:
		http.Error(w, "Invalid volume size", http.StatusBadRequest)
	case v == nil:
		http.Error(w, "Id not found", http.StatusNotFound)
	case len(s.operations) >= s.limit:
		http.Error(w, "Server busy. Retry operation later.", http.StatusTooManyRequests)
	default:
		if refusal := s.refuseExpand(v, request.Size); refusal != "" {
			http.Error(w, "Failed to allocate volume expansion: "+refusal, http.StatusInternalServerError)
			return
		}
		s.accept(w, s.expand(v, request.Size))
	}
}

func (s *Server) refuseExpand(v *record, deltaGiB int) string {
	if d := v.info.Durability; d.Type == api.DurabilityEC && deltaGiB < d.Disperse.Data {
		return "Minimum brick size limit reached.  Out of space."
	}
	if len(v.bricks)+len(newBricks(v.info.Durability, deltaGiB)) > mostBricks {
		return "Maximum number of bricks reached."
	}
	if c := s.cluster(v.info.Cluster); c != nil && deltaGiB > s.free(c) {
		return "No space"
	}
	return ""
}

// expand begins an expand: the volume stays visible, with its new bricks and its old size.
func (s *Server) expand(v *record, deltaGiB int) *operation {
	op := &operation{id: newID(), kind: expand, volume: v.info.Id, bricks: newBricks(v.info.Durability, deltaGiB), newSize: v.info.Size + deltaGiB}
	v.bricks = append(v.bricks, op.bricks...)
	s.operations[op.id] = op
	if !s.held {
		s.end(op)
	}
	return op
}

func (s *Server) expanding(v *record) bool {
	for _, op := range s.operations {
		if op.kind == expand && op.volume == v.info.Id {
			return true
		}
	}
	return false
}

func (op *operation) info() api.PendingOperationInfo {
	return api.PendingOperationInfo{Id: op.id, TypeName: string(op.kind), Status: op.status}
}

// SetUnrecorded sets how many requests hang before they are recorded, as if the database's disk hung.
func (s *Server) SetUnrecorded(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unrecorded = n
}

func (s *Server) operationsInfo(w http.ResponseWriter, _ *http.Request) {
	info := api.OperationsInfo{Total: uint64(len(s.operations))}
	for _, op := range s.operations {
		if op.status == "" {
			info.New++
		}
	}
	info.InFlight = info.New + uint64(s.unrecorded)
	answer(w, info)
}

func (s *Server) listOperations(w http.ResponseWriter, _ *http.Request) {
	list := api.PendingOperationListResponse{PendingOperations: []api.PendingOperationInfo{}}
	for _, op := range s.operations {
		list.PendingOperations = append(list.PendingOperations, op.info())
	}
	answer(w, list)
}

func (s *Server) operationDetails(w http.ResponseWriter, r *http.Request) {
	op := s.operations[r.PathValue("id")]
	if op == nil {
		http.Error(w, "Id not found: "+r.PathValue("id"), http.StatusNotFound)
		return
	}
	details := api.PendingOperationDetails{PendingOperationInfo: op.info(), Changes: []api.PendingChangeInfo{{Id: op.volume}}}
	for _, id := range idsOf(op.bricks) {
		details.Changes = append(details.Changes, api.PendingChangeInfo{Id: id})
	}
	answer(w, details)
}

// cleanUp cleans up the operations that the request names, or all of them if it names none.
func (s *Server) cleanUp(w http.ResponseWriter, r *http.Request) {
	var request api.PendingOperationsCleanRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, "request unable to be parsed", http.StatusUnprocessableEntity)
		return
	}
	for id := range s.operations {
		if len(request.Operations) == 0 || slices.Contains(request.Operations, id) {
			s.clean(id)
		}
	}
	s.accept(w, &operation{id: newID(), kind: cleanup, done: true})
}
