package persistentvolume

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sigs.k8s.io/yaml"
)

// largestList is enough for ten thousand PersistentVolumes.
const largestList = 256 << 20

// ReadList reads the output of kubectl get pv -o json or -o yaml. It refuses input that may not be the whole list, because a
// volume whose PersistentVolume is missing would be taken for an orphan.
func ReadList(r io.Reader) ([]PV, error) {
	raw, err := io.ReadAll(io.LimitReader(r, largestList+1))
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return nil, errors.New("it is empty; write the output of kubectl get pv -o json into it")
	case len(raw) > largestList:
		return nil, fmt.Errorf("it is larger than %d MiB", largestList>>20)
	case bytes.Contains(raw, []byte("\n---")) && raw[0] != '{':
		return nil, errors.New("it holds several YAML documents; write the output of one kubectl get pv into it")
	}
	var all list
	if raw[0] == '{' {
		err = json.Unmarshal(raw, &all)
	} else {
		err = yaml.Unmarshal(raw, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("it is neither the JSON nor the YAML of kubectl get pv: %w", err)
	}
	return all.pvs()
}

// list is a List of any of kubectl's kinds, or a single PersistentVolume.
type list struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Continue string `json:"continue"`
	} `json:"metadata"`
	Items []Object `json:"items"`
}

func (l list) pvs() ([]PV, error) {
	switch {
	case l.Kind != "List" && l.Kind != "PersistentVolumeList":
		return nil, fmt.Errorf("it is of kind %q and not a list; write the output of kubectl get pv -o json, without names, into it", l.Kind)
	case l.Metadata.Continue != "":
		return nil, errors.New("it is only the first page of a list; kubectl get pv --chunk-size=0 writes all of it")
	}
	pvs := make([]PV, 0, len(l.Items))
	for _, item := range l.Items {
		if l.Kind == "List" && item.Kind != "PersistentVolume" {
			return nil, fmt.Errorf("it holds a %s and not only PersistentVolumes; write the output of kubectl get pv -o json into it", item.Kind)
		}
		pv, err := item.PV()
		if err != nil {
			return nil, err
		}
		pvs = append(pvs, pv)
	}
	return pvs, nil
}
