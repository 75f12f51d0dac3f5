package tutorial

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const document = `# A title

What it is about,
in two lines.

` + "```sh yours" + `
NAME=me
` + "```" + `

## First

Do this.

` + "```sh" + `
one
two
` + "```" + `

It prints:

` + "```text" + `
1
…
` + "```" + `

And on a gluster node:

` + "```sh gluster-node" + `
# not a heading
three
` + "```" + `

## Nothing to do

Prose only.
`
	got, err := Parse(strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{
		{Shell: Yours, Line: 6, Section: "A title", Prose: []string{"What it is about,", "in two lines."}, Commands: "NAME=me\n"},
		{Shell: Reader, Line: 14, Section: "First", Prose: []string{"Do this."}, Commands: "one\ntwo\n", Output: "1\n…\n"},
		{Shell: GlusterNode, Line: 28, Section: "First", Prose: []string{"And on a gluster node:"}, Commands: "# not a heading\nthree\n"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefusesWhatNobodyWouldRun(t *testing.T) {
	const said = "It prints:\n"
	block := func(info string) string { return "```" + info + "\nbody\n```\n" }
	for name, c := range map[string]struct{ document, want string }{
		"another kind":            {block("bash"), `line 1: a block of "bash"`},
		"no kind":                 {block(""), `line 1: a block of ""`},
		"indented":                {"- item\n\n  ```sh\n  body\n  ```\n", "line 3: an indented block"},
		"no end":                  {"text\n```sh\nbody\n", "line 2: a block without an end"},
		"output first":            {said + block("text"), "line 2: between commands and their output"},
		"output without a word":   {block("sh") + block("text"), "line 4: between commands and their output"},
		"output behind prose":     {block("sh") + "Then it is there.\n" + said + block("text"), "line 6: between commands and their output"},
		"output twice":            {block("sh") + said + block("text") + said + block("text"), "line 9: output without commands"},
		"output in a new section": {block("sh") + "# Section\n" + said + block("text"), "line 6: output without commands"},
		"output of variables":     {block("sh yours") + said + block("text"), "line 5: output without commands"},
		"somewhere else":          {"Do this:\n" + block("sh gluster-node"), "line 2: the text before a block for a gluster node"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(strings.NewReader(c.document))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("the error is %v, want %s", err, c.want)
			}
		})
	}
}

func TestDocumentsCanBeRun(t *testing.T) {
	for name, want := range map[string][]Shell{
		"tutorial.md":      {Reader, GlusterNode, Yours},
		"migrate.md":       {Reader, GlusterNode, Yours},
		"day-one.md":       {Reader, Yours},
		"storage-nodes.md": {Reader, Yours},
	} {
		t.Run(name, func(t *testing.T) {
			blocks, err := parseFile("../../../docs/" + name)
			if err != nil {
				t.Fatal(err)
			}
			shells := map[Shell]int{}
			for _, b := range blocks {
				shells[b.Shell]++
				if printsAfterCopy(b) {
					t.Errorf("line %d: kubectl cp can end in the middle of a line of tar, so the next line of the output must begin with …", b.Line)
				}
			}
			for _, shell := range want {
				if shells[shell] == 0 {
					t.Errorf("there is no block for %q", shell)
				}
			}
		})
	}
}

// printsAfterCopy reports whether the document says precisely what commands after a "kubectl cp" print. kubectl cp ends before it
// has printed all messages of tar in the pod, so that the next output can be in the same line as the beginning of a message.
func printsAfterCopy(b Block) bool {
	_, after, copies := strings.Cut(b.Commands, " cp ")
	_, after, _ = strings.Cut(after, "\n")
	lines := strings.Split(strings.TrimSpace(b.Output), "\n")
	return copies && after != "" && !strings.HasPrefix(lines[len(lines)-1], "…")
}

func TestPrintsAfterCopy(t *testing.T) {
	const copies = "kubectl cp pod:/file file\n"
	for name, c := range map[string]struct {
		block Block
		want  bool
	}{
		"nothing is copied":      {Block{Commands: "ls\n", Output: "file\n"}, false},
		"the copy is last":       {Block{Commands: "ls\n" + copies, Output: "file\n…\n"}, false},
		"the output may be late": {Block{Commands: copies + "ls\n", Output: "…\n…file\n"}, false},
		"the output is precise":  {Block{Commands: copies + "ls\n", Output: "…\nfile\n"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := printsAfterCopy(c.block); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
