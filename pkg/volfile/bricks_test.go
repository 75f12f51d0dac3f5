package volfile

import (
	"slices"
	"strings"
	"testing"
)

// twoBricks is a part of a volume file that glusterd 10.3 gives.
const twoBricks = `volume v-client-0
    type protocol/client
    option opversion 100000
    option clnt-lk-version 1
    option volfile-key v
    option process-name fuse
    option ping-timeout 42
    option remote-host 10.0.0.1
    option remote-subvolume /bricks/v/a
    option transport-type socket
    option send-gids true
end-volume

volume v-client-1
    type protocol/client
    option remote-host gluster2.example.org
    option remote-subvolume /bricks/v/b
    option transport-type socket
end-volume

volume v-replicate-0
    type cluster/replicate
    option remote-host 10.0.0.9
    option remote-subvolume /not/a/brick
    subvolumes v-client-0 v-client-1
end-volume
`

func TestBricks(t *testing.T) {
	for file, want := range map[string]string{
		twoBricks: "10.0.0.1:/bricks/v/a gluster2.example.org:/bricks/v/b",
		"":        "",
		strings.Replace(twoBricks, "option remote-subvolume /bricks/v/b", "", 1):                   "10.0.0.1:/bricks/v/a",
		strings.Replace(twoBricks, "option remote-host gluster2.example.org", "", 1):               "10.0.0.1:/bricks/v/a",
		strings.Replace(twoBricks, "end-volume", "", 1):                                            "gluster2.example.org:/bricks/v/b",
		strings.Replace(twoBricks, "type protocol/client", "type protocol/server", 1):              "gluster2.example.org:/bricks/v/b",
		strings.ReplaceAll(twoBricks, "remote-host 10.0.0.1\n", "remote-host ::1\n"):               "::1:/bricks/v/a gluster2.example.org:/bricks/v/b",
		"type protocol/client\noption remote-host h\noption remote-subvolume /b\nend-volume":       "h:/b",
		"volume v\n type protocol/client\n option remote-host h\n option remote-subvolume /b\n":    "",
		"volume v type protocol/client option remote-host h option remote-subvolume /b end-volume": "",
	} {
		if got := strings.Join(Bricks(file), " "); got != want {
			t.Errorf("%s\nbricks %q, want %q", file, got, want)
		}
	}
}

// FuzzBricks: each brick that is found is in the file.
func FuzzBricks(f *testing.F) {
	f.Add(twoBricks)
	f.Add(good)
	f.Fuzz(func(t *testing.T, file string) {
		words := strings.Fields(file)
		for _, brick := range Bricks(file) {
			found := slices.ContainsFunc(words, func(host string) bool {
				path, ok := strings.CutPrefix(brick, host+":")
				return ok && slices.Contains(words, path)
			})
			if !found {
				t.Errorf("%q: brick %q", file, brick)
			}
		}
	})
}
