package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
)

// known maps the keys of mutants that may survive to the reasons.
type known map[string]string

// readKnown reads a list of survivors. Each line has a mutant's key, " # " and the reason. Empty lines and lines that begin with
// # are ignored.
func readKnown(path string) (known, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list := known{}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndex(line, " # ")
		if at < 0 {
			return nil, fmt.Errorf("%s: a line without %q and a reason: %s", path, " # ", line)
		}
		key := strings.TrimSpace(line[:at])
		if list[key] != "" {
			return nil, fmt.Errorf("%s: twice: %s", path, key)
		}
		list[key] = strings.TrimSpace(line[at+3:])
	}
	return list, nil
}

// missing returns the keys of the list that no mutant has, because the source has changed.
func (k known) missing(mutants []mutant) []string {
	exist := map[string]bool{}
	for _, m := range mutants {
		exist[m.key()] = true
	}
	var missing []string
	for key := range k {
		if !exist[key] {
			missing = append(missing, key)
		}
	}
	slices.Sort(missing)
	return missing
}
