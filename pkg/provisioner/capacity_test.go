package provisioner_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestAvailable(t *testing.T) {
	d := newDatabase(t)
	second := strings.Repeat("d", 32)
	d.db["clusterentries"][second] = object{"Info": object{"nodes": []string{"m1", "m2"}, "file": true}}
	for _, node := range []string{"m1", "m2"} {
		d.db["nodeentries"][node] = object{"State": "online"}
		d.db["deviceentries"]["d"+node] = object{"State": "online", "NodeId": node, "ExtentSize": 4096, "Info": object{"storage": object{"free": 10 << 20}}}
	}
	p := over(t, d)
	tests := []struct {
		name           string
		parameters     map[string]string
		largest, total int64 // GiB
		least          int64
	}{
		// 99 GiB and their metadata fit on 100 GiB, and 9 GiB on 10 GiB.
		{name: "three nodes", largest: 99, total: 99, least: 1},
		{name: "two copies", parameters: map[string]string{"volumetype": "replicate:2"}, largest: 99, total: 149 + 9, least: 1},
		{name: "small cluster", parameters: map[string]string{"volumetype": "replicate:2", "clusterid": second}, largest: 9, total: 9, least: 1},
		{name: "both clusters", parameters: map[string]string{"volumetype": "replicate:2", "clusterid": second + "," + clusterID}, largest: 99, total: 149 + 9, least: 1},
		{name: "snapshots", parameters: map[string]string{"snapfactor": "2"}, largest: 49, total: 49, least: 1},
		{name: "dispersed", parameters: map[string]string{"volumetype": "disperse:2:1"}, largest: 198, total: 198, least: 2},
		{name: "too few nodes", parameters: map[string]string{"volumetype": "disperse:4:2"}, least: 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			parameters, err := volume.ParseParameters(tt.parameters)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Available(t.Context(), parameters)
			if err != nil {
				t.Fatal(err)
			}
			want := volume.Space{Largest: tt.largest * volume.GiB, Total: tt.total * volume.GiB, Least: tt.least * volume.GiB}
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}

	_, err := p.Available(t.Context(), volume.Parameters{Durability: volume.DefaultDurability(), Clusters: []string{strings.Repeat("0", 32)}})
	wantError(t, err, volume.ErrInvalid)
	_, err = p.Available(t.Context(), volume.Parameters{Durability: volume.DefaultDurability(), Backend: "zzz"})
	wantError(t, err, volume.ErrInvalid)
	d.replace(nil)
	_, err = p.Available(t.Context(), volume.Parameters{Durability: volume.DefaultDurability()})
	wantError(t, err, volume.ErrUnavailable)
}

func TestCreateSaysWhatFits(t *testing.T) {
	d := newDatabase(t) // 99 GiB fit, and 198 GiB of type disperse:2:1
	target, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	others := httputil.NewSingleHostReverseProxy(target)
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Error(w, "Failed to allocate new volume: No space", http.StatusInternalServerError)
			return
		}
		others.ServeHTTP(w, r)
	}))
	defer full.Close()
	d.url = full.URL
	p := over(t, d)
	for _, tt := range []struct {
		name       string
		volumeType string
		size       int64 // GiB
		says       string
	}{
		{"too large", "replicate:3", 100, "; the largest volume of type replicate:3 for which there is room has 99 GiB"},
		{"too large and dispersed", "disperse:2:1", 199, "; the largest volume of type disperse:2:1 for which there is room has 198 GiB"},
		{"too few nodes", "disperse:4:2", 4, "; there is no room for a volume of type disperse:4:2 of any size"},
		{"there should be room", "replicate:3", 99, "or delete volumes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parameters, err := volume.ParseParameters(map[string]string{"volumetype": tt.volumeType})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Create(t.Context(), volume.Spec{Name: "pvc-1", Capacity: volume.Capacity{RequiredBytes: tt.size * volume.GiB}, Parameters: parameters})
			wantError(t, err, volume.ErrExhausted)
			if !strings.HasSuffix(err.Error(), tt.says) {
				t.Errorf("%v: want %q at the end", err, tt.says)
			}
		})
	}
}
