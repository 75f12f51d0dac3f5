package flags

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

func TestOf(t *testing.T) {
	root := &cobra.Command{Use: "program"}
	list := &cobra.Command{Use: "list [NAME]", Short: "List things", Run: func(*cobra.Command, []string) {}}
	list.Flags().StringP("format", "f", "text", "text|json")
	list.Flags().Bool("secret", false, "hidden from the document")
	if err := list.Flags().MarkHidden("secret"); err != nil {
		t.Fatal(err)
	}
	list.Flags().StringSlice("only", nil, "`KINDS` to show")
	plain := &cobra.Command{Use: "plain", Short: "Do it.", Run: func(*cobra.Command, []string) {}}
	hidden := &cobra.Command{Use: "hidden", Hidden: true, Run: func(*cobra.Command, []string) {}}
	root.AddCommand(list, plain, hidden)
	want := "### program list\n\nList things.\n\nArguments: `[NAME]`\n\n| flag | default | meaning |\n|---|---|---|\n" +
		"| `-f, --format string` | `text` | text\\|json |\n| `--only KINDS` |  | KINDS to show |\n\n### program plain\n\nDo it.\n\nIt has no flags.\n\n"
	if diff := cmp.Diff(want, Of(root)); diff != "" {
		t.Error(diff)
	}
}
