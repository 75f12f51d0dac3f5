package lab

import (
	"fmt"
	"os"
	"strings"
)

// WriteEnv writes a shell file with the variables that are needed to use the lab.
func (l *Lab) WriteEnv(path string) error {
	var b strings.Builder
	set := func(name, value string) { fmt.Fprintf(&b, "%s=%s\n", name, shellQuote(value)) }
	set("LAB_DIR", l.layout.Dir)
	if !l.BareStorage() {
		set("HEKETI_URL", l.Heketi().URL)
		set("HEKETI_USER", HeketiUser)
		set("HEKETI_KEY", HeketiKey)
		set("HEKETI_CLI", l.setup.HeketiCLI)
		set("HEKETI_EXEC", l.Hub().Exec())
	}
	for i := 1; i <= l.storageMachines(); i++ {
		set(fmt.Sprintf("STORAGE%d_EXEC", i), l.Storage(i).Exec())
	}
	for i := 1; i <= ClientNodes; i++ {
		set(fmt.Sprintf("NODE%d_EXEC", i), l.Node(i).Exec())
		set(fmt.Sprintf("NODE%d_DIR", i), l.NodeDir(i))
	}
	if l.hasDriver() {
		set("CONTROLLER_ENDPOINT", l.Controller().Endpoint)
		for i := 1; i <= ClientNodes; i++ {
			set(fmt.Sprintf("NODE%d_ENDPOINT", i), l.NodePlugin(i).Endpoint)
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// shellQuote quotes a text as one word for a POSIX shell.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// shellWords returns a command line that gives the same words whether a shell parses the line or only splits it at spaces, as in
// the expansion of an unquoted variable. No word may therefore need quotes; layoutOf ensures that for the lab's paths.
func shellWords(words ...string) string { return strings.Join(words, " ") }
