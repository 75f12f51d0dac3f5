package heketi

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// ErrNameInUse is returned when the cluster already has a volume of that name, complete or pending.
var ErrNameInUse = errors.New("volume name already in use")

// rule assigns a meaning to an answer of Heketi. Heketi has no error codes and answers most refusals with status 500, so the text
// has to be matched (heketi: apps/glusterfs/errors.go, app_volume.go, volume_entry.go; middleware/jwt.go).
//
// Answers quote names that users choose: those of hosts and of volumes, which contain the names of namespace and claim. No name
// may be mistaken for a text, and names contain no blank. Each text therefore contains a blank, or must be at the beginning of
// the answer, where no name stands.
type rule struct {
	stage   Stage  // "": any
	method  string // "": any
	status  int    // 0: any
	text    string // part of the answer; "": any
	begins  bool   // the answer must begin with text
	kind    error  // of package volume
	exactly error  // of this package; nil: none
	hint    string
}

const (
	hintKey = "the key must be the admin key of this Heketi, and the clocks of both machines must agree: " +
		"a token is valid for five minutes"
	hintNoKey = "no key is configured for backend %q, and the request brought none: write Heketi's admin key into a file, and name it as " +
		"the backend's keyFile in the configuration file (chart: backends[].existingSecret or key)"
	hintClock     = "this machine's clock and Heketi's clock differ; synchronise them"
	hintRoom      = "add a device or a node to the cluster, or delete volumes"
	hintBricks    = "a volume has at most as many bricks as Heketi's max_bricks_per_volume allows, 32 by default; Heketi also reports this when free space is scattered"
	hintPeers     = "gluster needs all its nodes for this; bring them back, then the repeated call succeeds"
	hintTaken     = "a disk has less free space than Heketi's records show, because something else uses it; heketi-cli device resync corrects the records"
	hintNode      = "Heketi cannot reach one of its gluster nodes; bring it back, or have Heketi use the others with heketi-cli node disable"
	hintRebalance = "gluster still moves files to the bricks of an earlier expand; when it has finished, this expand succeeds; gluster volume rebalance VOLUME status shows the progress"
	hintSnapshots = "delete the volume's snapshots with the gluster command first"
	hintNoHosts   = "Heketi finds none of the cluster's gluster nodes running"
	hintNoHeketi  = "is this the URL of a Heketi server?"
	hintReadOnly  = "an administrator has switched Heketi to maintenance; heketi-cli server mode set normal ends it"
)

// rules are tried in order; the first match counts.
func rules() []rule {
	return []rule{
		{status: http.StatusUnauthorized, text: "used before issued", kind: volume.ErrUnauthenticated, hint: hintClock},
		{status: http.StatusUnauthorized, text: "is expired", kind: volume.ErrUnauthenticated, hint: hintClock},
		{status: http.StatusUnauthorized, kind: volume.ErrUnauthenticated, hint: hintKey},

		{stage: StagePoll, status: http.StatusNotFound, kind: volume.ErrUnavailable,
			hint: "Heketi no longer knows the operation, probably because it was restarted"},
		{stage: StageRequest, status: http.StatusNotFound, text: "Id not found", kind: volume.ErrNotFound},
		{status: http.StatusNotFound, kind: volume.ErrUnavailable, hint: hintNoHeketi},

		{text: "' already in use", kind: volume.ErrBusy, exactly: ErrNameInUse},
		{text: "The target exists, contains other items, or is in use.", kind: volume.ErrBusy,
			hint: "another operation on the volume is still pending in Heketi"},
		{text: "Failed to set up volume delete: Id not found", kind: volume.ErrNotFound},
		{text: "Failed to allocate new volume: Id not found", kind: volume.ErrUnavailable,
			hint: "a volume of the cluster is being cloned, or a failed clone has damaged Heketi's database; see heketi-cli db check"},

		{text: "No space", kind: volume.ErrExhausted, hint: hintRoom},
		{text: "Minimum brick size limit reached", kind: volume.ErrExhausted, hint: hintRoom},
		{text: "Maximum number of bricks reached", kind: volume.ErrExhausted, hint: hintBricks},
		{text: "No online storage devices in cluster", kind: volume.ErrExhausted, hint: "heketi-cli topology info shows which devices are offline"},
		{text: "No nodes in cluster", kind: volume.ErrExhausted, hint: "add nodes to the cluster"},
		{text: "volumes and limit is", kind: volume.ErrExhausted, hint: "HEKETI_GLUSTER_MAX_VOLUMES_PER_CLUSTER sets the limit"},
		{text: "Cluster does not support requested volume type", kind: volume.ErrPrecondition, hint: "the cluster is reserved for block volumes"},
		{text: "Cluster has disabled all volume types", kind: volume.ErrPrecondition, hint: "heketi-cli cluster setflags --file=true allows them"},

		{status: http.StatusTooManyRequests, kind: volume.ErrBusy,
			hint: "Heketi runs as many operations as its max_inflight_operations allows"},
		{status: http.StatusServiceUnavailable, text: "Service disabled for maintenance", kind: volume.ErrUnavailable, hint: hintReadOnly},
		{text: "No clusters configured", kind: volume.ErrUnavailable, hint: HintNoClusters},
		{text: "HTTP request to an HTTPS server", kind: volume.ErrUnavailable, hint: "the backend's url must begin with https"},
		{status: http.StatusBadRequest, text: "Cluster id ", kind: volume.ErrUnavailable,
			hint: "Heketi had this cluster a moment ago: its clusters or its database have been replaced"},
		{method: http.MethodPost, status: http.StatusBadRequest, kind: volume.ErrInvalid},
		{method: http.MethodPost, status: http.StatusUnprocessableEntity, kind: volume.ErrInvalid},
		// The other requests contain nothing from a user.
		{status: http.StatusBadRequest, kind: volume.ErrUnavailable, hint: hintNoHeketi},
		{status: http.StatusUnprocessableEntity, kind: volume.ErrUnavailable, hint: hintNoHeketi},
		{status: http.StatusConflict, kind: volume.ErrPrecondition},

		{text: "Some of the peers are down", kind: volume.ErrPrecondition, hint: hintPeers},
		{stage: StagePoll, text: "rebalance is in progress", kind: volume.ErrBusy, hint: hintRebalance},
		{text: "because it contains ", kind: volume.ErrPrecondition, hint: hintSnapshots}, // Heketi's text; the next one is gluster's
		{text: ",as it has ", kind: volume.ErrPrecondition, hint: hintSnapshots},
		{stage: StagePoll, text: "insufficient free space", kind: volume.ErrExhausted, hint: hintTaken},
		{text: "PANIC: ", begins: true, kind: volume.ErrUnavailable, hint: "Heketi crashed while it handled the request; see its log"},
		{stage: StagePoll, status: http.StatusInternalServerError, text: "dial tcp", kind: volume.ErrFailed, hint: hintNode},
		{stage: StagePoll, status: http.StatusInternalServerError, text: "no hosts available", kind: volume.ErrFailed, hint: hintNoHosts},
		{text: "no hosts available", kind: volume.ErrUnavailable, hint: hintNoHosts},
		{stage: StagePoll, status: http.StatusInternalServerError, kind: volume.ErrFailed},
	}
}

// HintNoClusters is the hint for a Heketi that has no clusters.
const HintNoClusters = "it has no cluster: either its database is lost, or heketi-cli topology load has never been run"

func (r rule) matches(text string) bool {
	if r.begins {
		return strings.HasPrefix(text, r.text)
	}
	return strings.Contains(text, r.text)
}

func translate(e *Error) rule {
	for _, r := range rules() {
		if (r.stage == "" || r.stage == e.Stage) && (r.method == "" || r.method == e.Method) && (r.status == 0 || r.status == e.Status) &&
			e.Status != 0 && r.matches(e.Text) {
			return r
		}
	}
	unavailable := rule{kind: volume.ErrUnavailable}
	var (
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		certificate x509.CertificateInvalidError
	)
	switch {
	case errors.As(e.Err, &authority):
		unavailable.hint = "set the backend's caFile to the authority that signed Heketi's certificate"
	case errors.As(e.Err, &hostname), errors.As(e.Err, &certificate):
		unavailable.hint = "Heketi's certificate does not fit the backend's url, or is not valid now"
	case e.neverArrived():
		unavailable.hint = "is Heketi running, and is the backend's url right?"
	}
	return unavailable
}
