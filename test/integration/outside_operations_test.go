package integration

import "regexp"

var operationID = regexp.MustCompile(`Id:([0-9a-f]{32})`)

// anOperation is the id of one of Heketi's unfinished operations, "" if there is none.
func (r *rig) anOperation() string {
	r.Helper()
	out, err := r.lab.Heketi().CLI(r.call(), "server", "operations", "list")
	r.ok(err, "heketi-cli server operations list")
	found := operationID.FindSubmatch(out)
	if found == nil {
		return ""
	}
	return string(found[1])
}

// noOperation: nothing is left that Heketi would have to clean up.
func (r *rig) noOperation() {
	r.Helper()
	if id := r.anOperation(); id != "" {
		r.Errorf("operation %s is left in Heketi", id)
	}
}
