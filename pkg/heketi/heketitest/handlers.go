package heketitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/heketi/heketi/pkg/glusterfs/api"
)

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	locked := func(pattern string, handle http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			handle(w, r)
		})
	}
	locked("GET /clusters", s.listClusters)
	locked("POST /volumes", s.createVolume)
	locked("GET /volumes", s.listVolumes)
	locked("GET /volumes/{id}", s.volumeInfo)
	locked("DELETE /volumes/{id}", s.deleteVolume)
	locked("POST /volumes/{id}/expand", s.expandVolume)
	locked("GET /queue/{id}", s.queueStatus)
	locked("GET /operations", s.operationsInfo)
	locked("GET /operations/pending", s.listOperations)
	locked("GET /operations/pending/{id}", s.operationDetails)
	locked("POST /operations/pending/cleanup", s.cleanUp)
	locked("GET /db/dump", s.dump)
	return s.faulty(s.authenticated(mux))
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func (s *Server) listClusters(w http.ResponseWriter, _ *http.Request) {
	list := api.ClusterListResponse{Clusters: []string{}}
	for _, c := range s.clusters {
		list.Clusters = append(list.Clusters, c.ID)
	}
	answer(w, list)
}

// listVolumes omits pending volumes.
func (s *Server) listVolumes(w http.ResponseWriter, _ *http.Request) {
	list := api.VolumeListResponse{Volumes: []string{}}
	for id, v := range s.volumes {
		if v.pending == "" {
			list.Volumes = append(list.Volumes, id)
		}
	}
	answer(w, list)
}

func (s *Server) cluster(id string) *Cluster {
	if i := slices.IndexFunc(s.clusters, func(c *Cluster) bool { return c.ID == id }); i >= 0 {
		return s.clusters[i]
	}
	return nil
}

func (s *Server) createVolume(w http.ResponseWriter, r *http.Request) {
	var request api.VolumeCreateRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, "request unable to be parsed", http.StatusUnprocessableEntity)
		return
	}
	if len(s.clusters) == 0 {
		http.Error(w, "No clusters configured", http.StatusBadRequest)
		return
	}
	// A real Heketi accepts any number of clusters; the driver must always name exactly one.
	if len(request.Clusters) != 1 || s.cluster(request.Clusters[0]) == nil {
		http.Error(w, fmt.Sprintf("Cluster id %v not found", request.Clusters), http.StatusBadRequest)
		return
	}
	if len(s.operations) >= s.limit {
		http.Error(w, "Server busy. Retry operation later.", http.StatusTooManyRequests)
		return
	}
	cluster := s.cluster(request.Clusters[0])
	if refusal := s.refuseCreate(cluster, request); refusal != "" {
		http.Error(w, "Failed to allocate new volume: "+refusal, http.StatusInternalServerError)
		return
	}
	v := &record{bricks: newBricks(request.Durability, request.Size)}
	v.info.VolumeCreateRequest, v.info.Id, v.info.Cluster = request, newID(), cluster.ID
	v.info.Clusters = nil // not repeated in the answer
	// Heketi puts the options between the server's own pre and post options, which are empty here.
	v.info.GlusterVolumeOptions = slices.Concat([]string{""}, request.GlusterVolumeOptions, []string{""})
	s.volumes[v.info.Id] = v
	op := s.begin(create, v)
	s.accept(w, op)
}

// refuseCreate returns the first reason to refuse a request, in the order of Heketi's checks; "" means that there is none.
func (s *Server) refuseCreate(cluster *Cluster, request api.VolumeCreateRequest) string {
	if cluster.BlockOnly {
		return "Cluster does not support requested volume type"
	}
	for _, v := range s.volumes {
		if v.info.Cluster == cluster.ID && v.info.Name == request.Name {
			return fmt.Sprintf("Volume name '%s' already in use", request.Name)
		}
	}
	if request.Size > s.free(cluster) {
		return "No space"
	}
	return ""
}

func (s *Server) free(cluster *Cluster) int {
	free := cluster.FreeGiB
	for _, v := range s.volumes {
		if v.info.Cluster == cluster.ID {
			free -= v.info.Size
		}
	}
	return free
}

func (s *Server) deleteVolume(w http.ResponseWriter, r *http.Request) {
	v := s.volumes[r.PathValue("id")]
	switch {
	case v == nil:
		http.Error(w, "Id not found", http.StatusNotFound)
	case len(s.operations) >= s.limit:
		http.Error(w, "Server busy. Retry operation later.", http.StatusTooManyRequests)
	case v.pending != "" || s.expanding(v):
		http.Error(w, "Failed to set up volume delete: The target exists, contains other items, or is in use.",
			http.StatusInternalServerError)
	default:
		s.accept(w, s.begin(remove, v))
	}
}

// begin records an operation that makes or removes the volume, and so hides the volume.
func (s *Server) begin(k kind, v *record) *operation {
	op := &operation{id: newID(), kind: k, volume: v.info.Id}
	v.pending = op.id
	s.operations[op.id] = op
	return op
}

func (s *Server) accept(w http.ResponseWriter, op *operation) {
	s.queue[op.id] = op
	if !s.held && !op.done {
		s.end(op)
	}
	w.Header().Set("Location", "/queue/"+op.id)
	w.WriteHeader(http.StatusAccepted)
}

func (s *Server) queueStatus(w http.ResponseWriter, r *http.Request) {
	op := s.queue[r.PathValue("id")]
	switch {
	case op == nil:
		http.Error(w, "Id not found", http.StatusNotFound)
		return
	case !op.done:
		w.Header().Set("X-Pending", "true")
		return
	case op.err != "":
		http.Error(w, op.err, http.StatusInternalServerError)
	case op.kind == remove, op.kind == cleanup:
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Redirect(w, r, "/volumes/"+op.volume, http.StatusSeeOther)
	}
	delete(s.queue, op.id)
}

func (s *Server) volumeInfo(w http.ResponseWriter, r *http.Request) {
	v := s.volumes[r.PathValue("id")]
	if v == nil || v.pending != "" {
		http.Error(w, "Id not found", http.StatusNotFound)
		return
	}
	info := api.VolumeInfoResponse{VolumeInfo: v.info, Bricks: v.bricks}
	if c := s.cluster(v.info.Cluster); c != nil {
		info.Mount.GlusterFS.Hosts = c.Hosts
		info.Mount.GlusterFS.MountPoint = c.Hosts[0] + ":" + v.info.Name
	}
	answer(w, info)
}

// dump writes the database in the form of heketi: apps/glusterfs/dbcommon.go, Db.
func (s *Server) dump(w http.ResponseWriter, _ *http.Request) {
	type object = map[string]any
	clusters, nodes, volumes, operations := object{}, object{}, object{}, object{}
	for _, c := range s.clusters {
		ids := make([]string, 0, len(c.Hosts))
		for i, host := range c.Hosts {
			id := c.ID + "-node-" + strconv.Itoa(i)
			ids = append(ids, id)
			nodes[id] = object{"State": "online", "Info": object{"cluster": c.ID, "hostnames": object{"storage": []string{host}}}}
		}
		clusters[c.ID] = object{"Info": object{"id": c.ID, "nodes": ids}}
	}
	for id, v := range s.volumes {
		volumes[id] = object{
			"Info": v.info, "Bricks": idsOf(v.bricks), "GlusterVolumeOptions": v.info.GlusterVolumeOptions, "Pending": object{"Id": v.pending},
		}
	}
	for id, op := range s.operations {
		operations[id] = object{"Id": id, "Status": op.status}
	}
	answer(w, object{
		"clusterentries": clusters, "volumeentries": volumes, "pendingoperations": operations,
		"brickentries": object{}, "nodeentries": nodes, "deviceentries": object{},
		"blockvolumeentries": object{}, "dbattributeentries": object{},
	})
}
