package heketitest

import (
	"maps"
	"slices"
)

// VolumeIDs are the ids of all volumes, pending ones included, sorted.
func (s *Server) VolumeIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.volumes))
}

// OperationIDs are the ids of the operations that the database has, sorted.
func (s *Server) OperationIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.operations))
}

// StrandDelete begins the delete of a volume and makes it stale, as a restart in the middle does.
func (s *Server) StrandDelete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(remove, s.volumes[id]).status = "stale"
}
