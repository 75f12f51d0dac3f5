package healing

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/healing/tables"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
)

// On Linux before 6.5, a dead mount stays beneath the mount that covers it until its namespace ends or its path is unpublished. A
// dead mount and its superblock cost little, but a client may die any number of times while a pod runs.

// mostLayers is the number of dead mounts beneath a pod's mount at which a restart of the pod is requested.
const mostLayers = 10

// findLayers adds the namespaces that use volumes, and this process's own, to those that may have layers.
func (h *Healer) findLayers() {
	kept := h.memory.list()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range kept {
		for _, t := range s.Tables {
			h.layered[t.Target()] = true
		}
	}
	self, err := mount.IdentifyProcess(os.Getpid())
	namespace, _ := mount.NamespaceOf(self.PID) // 0 if it is not visible
	if err == nil {
		h.layered[tables.Target{Namespace: namespace, PID: self.PID, Start: self.Start}] = true
	}
}

// addLayers adds namespaces in which mounts have just been covered. It returns the pods' mounts in these namespaces that have too
// many dead mounts beneath them.
func (h *Healer) addLayers(in map[tables.Target]string) []Layers {
	var all []Layers
	for t, pod := range in {
		h.mu.Lock()
		h.layered[t] = true
		h.mu.Unlock()
		layers, err := layersOf(t)
		if err != nil || pod == "" {
			continue // the process has ended, or the namespace is the node's, where unpublish removes all layers
		}
		for _, point := range slices.Sorted(maps.Keys(layers)) {
			if layers[point] >= mostLayers {
				all = append(all, Layers{Pod: pod, Point: point, Dead: layers[point]})
			}
		}
	}
	return all
}

// DeadLayers returns how many dead mounts currently lie beneath others on the node. On kernels that can remove such mounts, usually
// only the first call reads tables.
func (h *Healer) DeadLayers() int {
	h.mu.Lock()
	targets := slices.Collect(maps.Keys(h.layered))
	h.mu.Unlock()
	total := 0
	seen := map[uint64]bool{} // namespaces that were read; several targets may be in one of them
	for _, t := range targets {
		if seen[t.Namespace] {
			continue
		}
		layers, err := layersOf(t)
		count := 0
		for _, n := range layers {
			count += n
		}
		total += count
		seen[t.Namespace] = err == nil && t.Namespace != 0
		if count == 0 && (err == nil || errors.Is(err, fs.ErrNotExist)) {
			h.mu.Lock()
			delete(h.layered, t)
			h.mu.Unlock()
		}
	}
	if total > 0 {
		h.findLayers() // for the next call
	}
	return total
}

// layersOf returns how many GlusterFS mounts lie beneath others in a namespace, by mount point. The error wraps fs.ErrNotExist if
// the namespace's process has ended.
func layersOf(t tables.Target) (map[string]int, error) {
	all, err := tables.Select(t.PID, func(_ int, _, fsType string) bool { return fsType == mount.FSType })
	if err != nil {
		return nil, err
	}
	if now, err := mount.IdentifyProcess(t.PID); err != nil || now.Start != t.Start {
		return nil, fmt.Errorf("process %d has ended: %w", t.PID, fs.ErrNotExist)
	}
	points := map[int]string{}
	for _, m := range all {
		points[m.ID] = m.Point
	}
	layers := map[string]int{}
	for _, m := range all {
		if point, known := points[m.Parent]; known && point == m.Point && m.Parent != m.ID {
			layers[point]++
		}
	}
	return layers, nil
}
