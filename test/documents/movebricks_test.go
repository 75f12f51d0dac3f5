package documents

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fakeKubectl logs its calls. It fails the first $FAILURES commands that move bricks.
const fakeKubectl = `#!/bin/sh
printf "%s\\n" "$*" >>calls
case $* in
*" server operations list") cat operations ;;
*" device remove "*)
	[ "$(grep -c " device remove " calls)" -le "$FAILURES" ] || exit 0
	echo "$ERROR" >&2
	exit 1
	;;
esac
`

// TestMoveBricks: the program move-bricks of docs/storage-nodes.md makes Heketi clean up moves of bricks and no other operation:
// for an expand, Heketi would remove bricks that gluster may use. The program does not repeat a command without end.
func TestMoveBricks(t *testing.T) {
	block := regexp.MustCompile("(?s)\n```sh\n(cat > heketi <<'SH'\n.*?)```\n").FindStringSubmatch(Page(t, "storage-nodes.md"))
	if block == nil {
		t.Fatal("docs/storage-nodes.md does not make the program heketi")
	}
	// The lines are those of heketi-cli (heketi: client/cli/go/cmds/server.go, popListTemplate).
	const others = "Id:e1  Type:expand-volume  Status:stale \nId:c1  Type:create-volume  Status:failed \nId:d1  Type:remove-device  Status:New \n"
	const moves = "Id:a2  Type:remove-device  Status:stale \nId:b3  Type:evict-brick  Status:failed \n"
	for name, tt := range map[string]struct {
		failures           int
		failure, pending   string
		attempts, restarts int
		cleaned            []string
		fails              bool
	}{
		"at once":                      {attempts: 1},
		"a lost database":              {failures: 1, failure: "Error: write heketi.db: bad file descriptor", pending: others + moves, attempts: 2, restarts: 1, cleaned: []string{"a2 b3"}},
		"a lost database, and no move": {failures: 1, failure: "command terminated with exit code 137", pending: others, attempts: 2, restarts: 1},
		"a backlog":                    {failures: 2, failure: "Error: cannot replace brick as only 0 of 2 bricks have no data to be healed", attempts: 3},
		"a backlog that stays":         {failures: 99, failure: "Error: data to be healed", attempts: 20, fails: true},
		"another error":                {failures: 1, failure: "Error: Id not found", pending: others + moves, attempts: 1, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range map[string]string{"kubectl": fakeKubectl, "sleep": "#!/bin/sh\n", "operations": tt.pending} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o700); err != nil { // #nosec G306 -- programs
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-euc", block[1]+"./move-bricks device remove x")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "ERROR="+tt.failure, fmt.Sprintf("FAILURES=%d", tt.failures))
			if out, err := cmd.CombinedOutput(); (err != nil) != tt.fails {
				t.Errorf("%v: %s", err, out)
			}
			attempts, restarts := 0, 0
			var cleaned []string
			for call := range strings.Lines(read(t, filepath.Join(dir, "calls"))) {
				switch _, ids, cleanUp := strings.Cut(strings.TrimSpace(call), " server operations cleanup"); {
				case cleanUp:
					cleaned = append(cleaned, strings.TrimSpace(ids))
				case strings.Contains(call, " device remove "):
					attempts++
				case strings.Contains(call, " rollout restart "):
					restarts++
				}
			}
			if attempts != tt.attempts || restarts != tt.restarts || !slices.Equal(cleaned, tt.cleaned) {
				t.Errorf("%d attempts, %d restarts, and clean-ups of %q; want %d, %d and %q", attempts, restarts, cleaned, tt.attempts, tt.restarts, tt.cleaned)
			}
		})
	}
}
