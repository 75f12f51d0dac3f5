package heketitest

import (
	"maps"
	"slices"
)

// VolumeIDs returns the ids of all volumes, including pending ones, sorted.
func (s *Server) VolumeIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.volumes))
}

// OperationIDs returns the ids of the operations in the database, sorted.
func (s *Server) OperationIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.operations))
}

// StrandDelete begins the delete of a volume and makes the operation stale, like a restart in the middle.
func (s *Server) StrandDelete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(remove, s.volumes[id]).status = "stale"
}
