package tutorial

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// runner uses this machine for both shells.
func runner(t *testing.T, out *strings.Builder) *Runner {
	t.Helper()
	return &Runner{
		Command: func(ctx context.Context, shell Shell, name string, args ...string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, name, args...)
			cmd.Env = append(cmd.Environ(), "WHERE="+string(shell))
			return cmd
		},
		Yours: map[string]string{"KEY": "it's secret"}, Dir: t.TempDir(), Out: out,
	}
}

func TestRunShowsWhatAReaderSees(t *testing.T) {
	var out strings.Builder
	err := runner(t, &out).Run(t.Context(), []Block{
		{Shell: Yours, Section: "Before", Prose: []string{"Put yours in:"}, Commands: "KEY=...\n"},
		{Shell: Reader, Section: "First", Prose: []string{"It is", "simple."}, Commands: "name=$(cat <<END\n$KEY\nEND\n)\necho \"$name\"; echo aside >&2\n", Output: "it's …\naside\n"},
		{Shell: GlusterNode, Section: "First", Commands: "printf '%s' \"${name:-another shell} $WHERE\"\n"},
		{Shell: Reader, Section: "Second", Prose: []string{"Again."}, Commands: "echo \"$name\" >file; cat file\n", Output: "it's secret\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `
 1  Before

    Put yours in:

    $ KEY='it'\''s secret'

 2  First

    It is
    simple.

    $ name=$(cat <<END
    > $KEY
    > END
    > )
    > echo "$name"; echo aside >&2
    it's secret
    aside

    gluster-node# printf '%s' "${name:-another shell} $WHERE"
    another shell sh gluster-node

 3  Second

    Again.

    $ echo "$name" >file; cat file
    it's secret
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestRunStops(t *testing.T) {
	for name, c := range map[string]struct {
		block Block
		want  string
	}{
		"at a command that fails":        {Block{Shell: Reader, Line: 3, Commands: "false\necho later\n"}, "line 3: exit status 1"},
		"at a pipe that fails":           {Block{Shell: Reader, Line: 3, Commands: "false | cat\n"}, "line 3: exit status 1"},
		"at an unknown variable":         {Block{Shell: Reader, Line: 3, Commands: "echo $NOBODY_SET_THIS\n"}, "line 3: exit status 1"},
		"at other output":                {Block{Shell: Reader, Line: 3, Commands: "echo 1\n", Output: "2\n"}, "line 3: what was printed is not what the document says:\n2"},
		"at a variable that is no one's": {Block{Shell: Yours, Line: 3, Commands: "OTHER=\n"}, "line 3: the document asks readers for OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := runner(t, &out).Run(t.Context(), []Block{c.block, {Shell: Reader, Commands: "echo later\n"}})
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("the error is %v, want %s", err, c.want)
			}
			if strings.Contains(out.String(), "\n    later") {
				t.Error("it went on")
			}
		})
	}
}
