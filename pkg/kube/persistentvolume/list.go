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

// ReadList reads the output of kubectl get pv -o json or -o yaml. It refuses input that might be incomplete, because a volume
// whose PersistentVolume is missing would be taken for an orphan.
func ReadList(r io.Reader) ([]PV, error) {
	raw, err := io.ReadAll(io.LimitReader(r, largestList+1))
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return nil, errors.New("the list is empty; save the output of kubectl get pv -o json there")
	case len(raw) > largestList:
		return nil, fmt.Errorf("the list is larger than %d MiB", largestList>>20)
	case bytes.Contains(raw, []byte("\n---")) && raw[0] != '{':
		return nil, errors.New("the list holds several YAML documents; save the output of a single kubectl get pv there")
	}
	var all list
	if raw[0] == '{' {
		err = json.Unmarshal(raw, &all)
	} else {
		err = yaml.Unmarshal(raw, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("the list is neither the JSON nor the YAML of kubectl get pv: %w", err)
	}
	return all.pvs()
}

// list is either kind of list that kubectl prints (List or PersistentVolumeList), or a single PersistentVolume, which pvs refuses.
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
		return nil, fmt.Errorf("an object of kind %q is not a list; save the output of kubectl get pv -o json, without names, there", l.Kind)
	case l.Metadata.Continue != "":
		return nil, errors.New("this is only the first page of a list; kubectl get pv --chunk-size=0 writes the whole list")
	}
	pvs := make([]PV, 0, len(l.Items))
	for _, item := range l.Items {
		if l.Kind == "List" && item.Kind != "PersistentVolume" {
			return nil, fmt.Errorf("the list holds a %s and not only PersistentVolumes; save the output of kubectl get pv -o json there", item.Kind)
		}
		pv, err := item.PV()
		if err != nil {
			return nil, err
		}
		pvs = append(pvs, pv)
	}
	return pvs, nil
}
