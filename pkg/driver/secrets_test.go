package driver

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"k8s.io/klog/v2"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

const secret = "hunter2-topsecret"

// TestSecretsInNoLogAndNoError puts secrets into every part of a call: into every map and list of every request, under unknown
// keys, and as a password in a URL under keys whose values are shown.
func TestSecretsInNoLogAndNoError(t *testing.T) {
	for name, newLogger := range map[string]func(*lockedBuffer) klog.Logger{
		"text, v=0": func(out *lockedBuffer) klog.Logger { return textLogger(out, 0) },
		"text, v=5": func(out *lockedBuffer) klog.Logger { return textLogger(out, 5) },
		"JSON, v=0": func(out *lockedBuffer) klog.Logger { return jsonLogger(out, 0) },
		"JSON, v=5": func(out *lockedBuffer) klog.Logger { return jsonLogger(out, 5) },
	} {
		t.Run(name, func(t *testing.T) {
			out := &lockedBuffer{}
			found := volume.Volume{Handle: volume.Handle{Backend: "lab", ID: strings.Repeat("0", 32)}, Name: "data", Servers: []string{"a"}}
			conn := startWith(klog.NewContext(t.Context(), newLogger(out)), t, Config{
				Provisioner: &fakeProvisioner{volume: found, unwell: someUnwell(1)}, Mounter: &fakeMounter{}, NodeID: "n", Health: true,
			}, time.Minute).conn
			places := 0
			for method, request := range everyRequest(t) {
				for _, poisoned := range poison(request) {
					places++
					out.Reset()
					err := conn.Invoke(t.Context(), method, poisoned, newMessage(t, outputOf(t, method)))
					if log := out.String(); strings.Contains(log, secret) {
						t.Errorf("%s: the log of %v:\n%s", method, poisoned, log)
					}
					if message := status.Convert(err).Message(); strings.Contains(message, secret) {
						t.Errorf("%s: the error: %s", method, message)
					}
				}
			}
			if places < 200 {
				t.Errorf("only %d places for a secret were found", places)
			}
		})
	}
}

// TestAnswersAreLoggedWithoutSecrets does the same with every response.
func TestAnswersAreLoggedWithoutSecrets(t *testing.T) {
	for method := range everyRequest(t) {
		for _, poisoned := range poison(newMessage(t, outputOf(t, method))) {
			if text := (sanitized{poisoned}).String(); strings.Contains(text, secret) || !strings.Contains(text, stripped) {
				t.Errorf("%s: %s", method, text)
			}
		}
	}
}

// TestWhatLogsShow: logs still have the data that an administrator needs to understand a failed call.
func TestWhatLogsShow(t *testing.T) {
	create := createRequest(func(r *csi.CreateVolumeRequest) {
		r.Parameters = map[string]string{"volumeType": "none", "resturl": "http://admin:pw@heketi:8080?key=" + secret, "csi.storage.k8s.io/pvc/name": "claim", "tier": "gold"}
		r.Secrets = map[string]string{"key": secret}
		r.VolumeCapabilities = []*csi.VolumeCapability{mountCapability(1, "noatime,log-level=INFO", "x-token="+secret)}
	})
	stage := stageRequest()
	stage.VolumeContext["mountOptions"] = "backup-volfile-servers=a,b,password=" + secret
	stage.PublishContext = map[string]string{"servers": "known", "devicePath": secret}
	for _, tt := range []struct {
		message proto.Message
		shows   []string
	}{
		{create, []string{
			`"volumeType":"none"`, `"resturl":"http://***stripped***@heketi:8080?***stripped***"`, `"csi.storage.k8s.io/pvc/name":"claim"`, `"tier":"***stripped***"`,
			`"secrets":"***stripped***"`, `"mount_flags":["noatime,log-level=INFO","x-token=***stripped***"]`, `"required_bytes":1073741824`, `"name":"pvc-1"`,
		}},
		{stage, []string{
			`"servers":"a,b"`, `"mountOptions":"backup-volfile-servers=a,b,password=***stripped***"`, `"devicePath":"***stripped***"`, `"volume_id":"my-data"`,
		}},
	} {
		before := proto.Clone(tt.message)
		text := sanitized{tt.message}.String()
		for _, part := range tt.shows {
			if !strings.Contains(text, part) {
				t.Errorf("%s does not show %s", text, part)
			}
		}
		if !proto.Equal(before, tt.message) {
			t.Errorf("logging has changed the message: %v", tt.message)
		}
	}
}

// TestDocumentedParametersAreShown: each parameter of a StorageClass is either shown or on the list of secret ones.
func TestDocumentedParametersAreShown(t *testing.T) {
	page, err := os.ReadFile("../../docs/parameters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## StorageClass `parameters`")
	section, _, _ = strings.Cut(section, "\n#")
	names := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 { // the table of parameters has five columns, unlike any other table of the section
			continue
		}
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			names++
			if key := strings.ToLower(name[1]); !harmless(key) && key != "restuserkey" {
				t.Errorf("%s is masked in logs; add it to the harmless ones, unless it is secret", name[1])
			}
		}
	}
	if names < 15 {
		t.Errorf("only %d parameters were found", names)
	}
}

func TestWithoutPasswords(t *testing.T) {
	for text, want := range map[string]string{
		"volume lab/0123: no space":                          "volume lab/0123: no space",
		"http://heketi:8080":                                 "http://heketi:8080",
		`"http://a:b@h1,http://c:d@h2" is not allowed`:       `"http://***stripped***@h2" is not allowed`,
		"http://admin:p?w@h?x=y":                             "http://***stripped***@h?***stripped***",
		"admin:p w@\"x@heketi":                               "admin:***stripped***@heketi",
		"http://token@heketi":                                "http://***stripped***@heketi",
		`resturl: "https://h/?user=a#b" is not allowed: use`: `resturl: "https://h/?***stripped***" is not allowed: use`,
		"see docs/parameters.md#mountoptions":                "see docs/parameters.md#mountoptions",
		"/pods/a@b/mount: busy":                              "/pods/a@b/mount: busy",
	} {
		if got := withoutPasswords(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
