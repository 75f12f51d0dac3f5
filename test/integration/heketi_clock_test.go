package integration_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// TestClocksDiffer uses tokens as a driver with a wrong clock would make them. A process cannot have another clock than its
// machine, so a proxy changes the times in each of the driver's tokens and signs it again with the right key. The answers and
// limits are a real Heketi's.
func TestClocksDiffer(t *testing.T) {
	server := labtest.MockHeketi(t)
	var ahead atomic.Int64 // nanoseconds by which the driver's clock seems to be ahead of Heketi's
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Set("Authorization", redated(t, r.In.Header.Get("Authorization"), time.Duration(ahead.Load())))
	}})
	defer proxy.Close()
	c := newController(t, "url: "+proxy.URL)
	for _, tt := range []struct {
		ahead time.Duration
		says  string // "" means that Heketi accepts the token
	}{
		{ahead: 3 * time.Minute, says: "used before issued"},
		{ahead: -6 * time.Minute, says: "expired"},
		{ahead: time.Minute},
		{ahead: -4 * time.Minute},
	} {
		t.Run(tt.ahead.String(), func(t *testing.T) {
			ahead.Store(int64(tt.ahead))
			before := volumesIn(t, server)
			v, err := c.create("pvc-clock"+tt.ahead.String(), nil)
			if tt.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				c.mustDelete(v.GetVolumeId())
			} else {
				c.refused(err, codes.Unavailable, `heketi "mock"`, tt.says, "this machine's clock and Heketi's clock differ; synchronise them")
			}
			if after := volumesIn(t, server); after != before {
				t.Errorf("Heketi had %q and has %q", before, after)
			}
		})
	}
}

// redated returns the bearer token with both its times shifted, signed again.
func redated(t *testing.T, header string, shift time.Duration) string {
	t.Helper()
	token, _ := strings.CutPrefix(header, "bearer ")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Errorf("no token in %q", header)
		return header
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Error(err)
		return header
	}
	var claims map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&claims); err != nil {
		t.Error(err)
		return header
	}
	for _, name := range []string{"iat", "exp"} {
		number, ok := claims[name].(json.Number)
		seconds, err := number.Int64()
		if !ok || err != nil {
			t.Errorf("the token has %s: %v", name, claims[name])
		}
		claims[name] = seconds + int64(shift/time.Second)
	}
	if raw, err = json.Marshal(claims); err != nil {
		t.Error(err)
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(raw)
	mac := hmac.New(sha256.New, []byte(lab.HeketiKey))
	mac.Write([]byte(signed))
	return "bearer " + signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
