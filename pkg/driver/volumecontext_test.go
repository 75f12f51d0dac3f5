package driver

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/mount"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

func TestSourceOf(t *testing.T) {
	provisioned := volume.Volume{
		Handle: volume.Handle{Backend: "lab"}, Name: "csi-x-0123", Servers: []string{"10.0.0.1", "fd00::2"}, Cluster: "c", GID: 5,
	}.Context()
	newer := maps.Clone(provisioned)
	newer["transport"] = "quic"
	profile := maps.Clone(provisioned)
	profile["mountOptions"] = "lru-limit=200000,noatime"
	tests := []struct {
		name       string
		attributes map[string]string
		flags      []string
		want       mount.Source
		options    string
	}{
		{"provisioned", provisioned, []string{"noatime"},
			mount.Source{Volume: "csi-x-0123", Servers: []string{"10.0.0.1", "fd00::2"}, Cluster: "c"}, "noatime"},
		{"provisioned by a newer controller", newer, nil,
			mount.Source{Volume: "csi-x-0123", Servers: []string{"10.0.0.1", "fd00::2"}, Cluster: "c"}, ""},
		{"a profile", profile, []string{"acl"},
			mount.Source{Volume: "csi-x-0123", Servers: []string{"10.0.0.1", "fd00::2"}, Cluster: "c"}, "acl,lru-limit=200000,noatime"},
		{"a class that knows better than its profile", profile, []string{"lru-limit=0"},
			mount.Source{Volume: "csi-x-0123", Servers: []string{"10.0.0.1", "fd00::2"}, Cluster: "c"}, "lru-limit=0,noatime"},
		{"static, one server", map[string]string{"volume": "data", "server": "gluster-1.example"}, nil,
			mount.Source{Volume: "data", Servers: []string{"gluster-1.example"}}, ""},
		{"static, servers and directory", map[string]string{"volume": "data/a/b", "servers": "a, [fd00::1] ,10.0.0.3"}, nil,
			mount.Source{Volume: "data", Subdir: "a/b", Servers: []string{"a", "fd00::1", "10.0.0.3"}}, ""},
		{"Kubernetes' own keys", map[string]string{"volume": "data", "servers": "a", "csi.storage.k8s.io/pod.name": "p", "storage.kubernetes.io/csiProvisionerIdentity": "x"}, nil,
			mount.Source{Volume: "data", Servers: []string{"a"}}, ""},
		{"options of both", map[string]string{"volume": "data", "servers": "a", "mountOptions": "noatime,acl"}, []string{"log-level=ERROR"},
			mount.Source{Volume: "data", Servers: []string{"a"}}, "acl,log-level=ERROR,noatime"},
		{"servers in the options", map[string]string{"volume": "data", "servers": "a", "mountOptions": "backup-volfile-servers=b,fd00::1, log-level=INFO"}, nil,
			mount.Source{Volume: "data", Servers: []string{"a"}}, "backup-volfile-servers=b:[fd00::1],log-level=INFO"},
		{"empty options", map[string]string{"volume": "data", "servers": "a", "mountOptions": ""}, nil,
			mount.Source{Volume: "data", Servers: []string{"a"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sourceOf("id", tt.attributes, tt.flags)
			if err != nil {
				t.Fatal(err)
			}
			if got.Options.String() != tt.options {
				t.Errorf("options %q, want %q", got.Options, tt.options)
			}
			got.Options = mount.Options{}
			tt.want.VolumeID = "id"
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b mount.Options) bool { return a.String() == b.String() })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func manyServers(prefix string, n int) string {
	servers := make([]string, n)
	for i := range servers {
		servers[i] = fmt.Sprint(prefix, i)
	}
	return strings.Join(servers, ",")
}

// TestLargestClusterCanBeMounted: for any number of nodes in a cluster, or any number that Heketi reports, a node accepts the
// context that the controller writes.
func TestLargestClusterCanBeMounted(t *testing.T) {
	for _, n := range []int{mount.MostServers, 10_000} {
		v := volume.Volume{Handle: volume.Handle{Backend: "lab"}, Name: "csi-x-0123", Servers: strings.Split(manyServers("s", n), ",")}
		source, err := sourceOf("id", v.Context(), nil)
		if err != nil || len(source.Servers) != mount.MostServers {
			t.Errorf("of %d servers the node gets %d: %v", n, len(source.Servers), err)
		}
	}
}

func TestSourceOfRefuses(t *testing.T) {
	static := func(pairs ...string) map[string]string {
		attributes := map[string]string{"volume": "data", "servers": "a"}
		for i := 0; i < len(pairs); i += 2 {
			attributes[pairs[i]] = pairs[i+1]
		}
		return attributes
	}
	tests := []struct {
		attributes map[string]string
		flags      []string
		says       []string
	}{
		{nil, nil, []string{"volume_context.volume"}},
		{map[string]string{"volume": "data"}, nil, []string{"volume_context.servers"}},
		{map[string]string{"servers": "a"}, nil, []string{"volume_context.volume"}},
		{map[string]string{"backend": "lab", "volume": "data"}, nil, []string{"volume_context.servers"}},
		{static("volum", "x"), nil, []string{`volume_context: "volum"`, "did you mean volume?", "docs/parameters.md#static-volumes"}},
		{static("colour", "x"), nil, []string{`volume_context: "colour"`, "known are volume, servers, server, mountOptions"}},
		{map[string]string{"servers": "a", "share": "/vol/dir"}, nil, []string{`"share"`, `use "volume"`}},
		{static("path", "vol"), nil, []string{`"path"`, `use "volume"`}},
		{static("glusterVol", "vol"), nil, []string{`"glusterVol"`, `use "volume"`}},
		{static("glusterserver", "a"), nil, []string{`"glusterserver"`, `use "servers"`}},
		{static("endpoints", "glusterfs-cluster"), nil, []string{`"endpoints"`, `use "servers"`, "addresses"}},
		{static("gid", "5"), nil, []string{`"gid"`, "pv.beta.kubernetes.io/gid"}},
		{static("server", "b"), nil, []string{"volume_context.server", "servers"}},
		{static("servers", "a:24007"), nil, []string{"servers", "a:24007"}},
		{static("servers", "a,,b"), nil, []string{"servers"}},
		{static("servers", "-x"), nil, []string{"servers", "-x"}},
		{static("servers", manyServers("s", 129)), nil, []string{"volume_context.servers", "more than 128 servers", "docs/parameters.md#servers-of-a-volume"}},
		{static("servers", manyServers("s", 100)), []string{"backup-volfile-servers=" + strings.ReplaceAll(manyServers("b", 29), ",", ":")}, []string{"more than 128 servers", "backup-volfile-servers"}},
		{static("backend", "lab", "servers", manyServers("s", 129)), nil, []string{"more than 128 servers"}},
		{static("volume", ""), nil, []string{"volume_context.volume"}},
		{static("volume", "data/../other"), nil, []string{"../other"}},
		{static("volume", "data/.."), nil, []string{".."}},
		{static("volume", "-data"), nil, []string{"-data"}},
		{static("volume", "da ta"), nil, []string{"da ta"}},
		{static("volume", "data/a\nb"), nil, []string{`a\nb`}},
		{static("volume", strings.Repeat("x", 255)), nil, []string{"volume_context.volume"}},
		{static("mountOptions", "dump-fuse=/x"), nil, []string{"mountOptions", "dump-fuse"}},
		{static("mountOptions", "acl,,noatime"), nil, []string{"mountOptions"}},
		{static("mountOptions", "ro"), []string{"rw"}, []string{"mount_flags", "rw"}},
		{static("mountOptions", "lru-limit=0"), []string{"lru-limit=1"}, []string{"mount_flags", "lru-limit=1"}},
		{static("backend", "lab", "mountOptions", "dump-fuse=/x"), nil, []string{"mountOptions", "dump-fuse"}},
		{static("backend", "lab", "mountOptions", "acl"), []string{"dump-fuse=/x"}, []string{"mount_flags", "dump-fuse"}},
	}
	for _, tt := range tests {
		_, err := sourceOf("id", tt.attributes, tt.flags)
		if err == nil {
			t.Errorf("%v %v: no error", tt.attributes, tt.flags)
			continue
		}
		wantError(t, err, codes.InvalidArgument, tt.says...)
	}
}

// TestProfilesCanBeMounted: a node accepts the context of a volume of each profile.
func TestProfilesCanBeMounted(t *testing.T) {
	for _, profile := range []string{"general", "small-files", "large-files", "virtual-machines", "database"} {
		parameters, err := volume.ParseParameters(map[string]string{"profile": profile})
		if err != nil {
			t.Fatal(err)
		}
		v := volume.Volume{Handle: volume.Handle{Backend: "lab"}, Name: "csi-x-0123", Servers: []string{"10.0.0.1"}}
		for _, o := range parameters.Options {
			v.MountOptions = append(v.MountOptions, volume.MountOptionsOf([]string{o.String()})...)
		}
		source, err := sourceOf("id", v.Context(), nil)
		if err != nil || source.Options.String() != strings.Join(v.MountOptions, ",") {
			t.Errorf("%s: the mount options %q become %q, %v", profile, v.MountOptions, source.Options, err)
		}
	}
}

func FuzzSourceOf(f *testing.F) {
	f.Add("", "data", "a,b", "", "noatime", "", "")
	f.Add("lab", "csi-x-0123", "10.0.0.1,fd00::1", "", "", "gid", "5")
	f.Add("", "data/sub/dir", "", "gluster", "acl,ro", "csi.storage.k8s.io/pod.name", "p")
	f.Add("", "../data", "-x", "", "log-file=/x", "x", "y")
	f.Fuzz(func(t *testing.T, backend, name, servers, server, flags, key, value string) {
		attributes := map[string]string{"volume": name, "mountOptions": flags, key: value}
		for k, v := range map[string]string{"backend": backend, "servers": servers, "server": server} {
			if v != "" {
				attributes[k] = v
			}
		}
		s, err := sourceOf("id", attributes, nil)
		if err != nil {
			if code(err).String() != "InvalidArgument" {
				t.Errorf("%v: %s", err, code(err))
			}
			return
		}
		// The client's arguments, and the sources that it mounts, stay within these bounds.
		if err := s.Validate(); err != nil || len(s.Servers) == 0 || slices.Contains(s.Servers, "") {
			t.Errorf("%v: %+v, %v", attributes, s, err)
		}
		if s.Subdir != "" && (path.Join("/", s.Subdir) != "/"+s.Subdir || strings.ContainsAny(s.Subdir, "\x00\n")) {
			t.Errorf("%v: directory %q", attributes, s.Subdir)
		}
	})
}
