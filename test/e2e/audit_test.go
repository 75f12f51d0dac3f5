package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/driver"
)

// auditMark returns the present end of the API server's audit log.
func auditMark(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(cluster.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// apiRequests counts requests to the API server by verb and resource, such as "create persistentvolumes".
type apiRequests map[string]int

// auditCount counts the requests since a mark from the controller's account, which the driver and both sidecars use.
func auditCount(t *testing.T, since int64) apiRequests {
	t.Helper()
	log, err := os.Open(cluster.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	if _, err := log.Seek(since, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(log)
	if err != nil {
		t.Fatal(err)
	}
	counted := apiRequests{}
	for line := range strings.Lines(string(text)) {
		var event struct {
			Verb string `json:"verb"`
			User struct {
				Username string `json:"username"`
			} `json:"user"`
			Object struct {
				Resource    string `json:"resource"`
				Subresource string `json:"subresource"`
			} `json:"objectRef"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if event.User.Username != "system:serviceaccount:"+driver.Namespace+":"+driver.Controller {
			continue
		}
		what := event.Object.Resource
		if event.Object.Subresource != "" {
			what += "/" + event.Object.Subresource
		}
		counted[event.Verb+" "+what]++
	}
	return counted
}

// per formats the number of requests for each claim.
func (r apiRequests) per(claims int) string {
	total := 0
	parts := make([]string, 0, len(r))
	for _, what := range slices.Sorted(maps.Keys(r)) {
		total += r[what]
		parts = append(parts, fmt.Sprintf("%s %.2f", what, float64(r[what])/float64(claims)))
	}
	return fmt.Sprintf("%.2f (%s)", float64(total)/float64(claims), strings.Join(parts, ", "))
}
