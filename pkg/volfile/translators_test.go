package volfile

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const good = `volume v-client-0
    type protocol/client
    option transport-type tcp
    option remote-host 192.0.2.1
end-volume

volume v-replicate-0
    type cluster/replicate
    subvolumes v-client-0
end-volume

volume v
    type debug/io-stats
    subvolumes v-replicate-0
end-volume
`

func TestCheck(t *testing.T) {
	if err := Check(good); err != nil {
		t.Error(err)
	}
	for file, says := range map[string]string{
		"":                       "it has no translator",
		"volume v\nend-volume\n": "it has no translator",
		good + "volume p\n type storage/posix\n option directory /\nend-volume\n":     `a translator of type "storage/posix"`,
		good + "volume p type storage/posix end-volume":                               `a translator of type "storage/posix"`,
		good + "volume p\n type\n\n storage/posix\nend-volume\n":                      `a translator of type "storage/posix"`,
		good + "volume p\n type \"protocol/client\"\nend-volume\n":                    `a translator of type`,
		good + "volume p\n type ../../../../../mnt/vol/evil\nend-volume\n":            `a translator of type "../../../../../mnt/vol/evil"`,
		good + "volume p\n type cluster/../../../x\nend-volume\n":                     `a translator of type`,
		good + "volume p\n type cluster/..\nend-volume\n":                             `a translator of type`,
		good + "volume p\n type protocol/server\nend-volume\n":                        `a translator of type`,
		good + "volume p\n type mgmt/glusterd\nend-volume\n":                          `a translator of type`,
		good + "volume p\n type debug/error-gen\nend-volume\n":                        `a translator of type`,
		good + "volume p\n type":                                                      `a translator of type ""`,
		strings.Replace(good, "192.0.2.1", "`touch /tmp/x`", 1):                       "a command in backticks",
		strings.Replace(good, "transport-type tcp", "transport-type ../../x/evil", 1): `a transport of type "../../x/evil"`,
		good + "type " + strings.Repeat("x", 1<<16):                                   "xxx",
	} {
		err := Check(file)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), says) || len(err.Error()) > 250 {
			t.Errorf("%.300q: %v, want %q", file, err, says)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(good)
	f.Add("type cluster/dht")
	f.Fuzz(func(t *testing.T, file string) {
		if Check(file) == nil && (strings.Contains(file, "storage/posix") && strings.Contains(" "+strings.Join(strings.Fields(file), " "), " type storage/posix") || strings.Contains(file, "`")) {
			t.Errorf("%q", file)
		}
	})
}

// TestTheImageHasTheClientsTranslators: the image has these translators and no others; a client in the node plugin's pod loads
// them from the image.
func TestTheImageHasTheClientsTranslators(t *testing.T) {
	file, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`! -path '\*/xlator/([^']+)\.so'`).FindAllStringSubmatch(string(file), -1)
	kept := make([]string, len(found))
	for i, match := range found {
		kept[i] = match[1]
	}
	if diff := cmp.Diff(Translators(), kept, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("volfile.Translators (-), kept by the Dockerfile (+):\n%s", diff)
	}
}
