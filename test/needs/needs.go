// Package needs skips tests that need something that this machine or user does not have, and logs the reason. `make test` sets
// the variable REQUIRE_ALL: such a test then fails, so that none is skipped in continuous integration.
package needs

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Variable is the environment variable that makes tests fail instead of being skipped.
const Variable = "REQUIRE_ALL"

// Root skips a test that only root can run.
func Root(tb testing.TB, why string) {
	tb.Helper()
	if os.Geteuid() != 0 {
		Missing(tb, "needs root: "+why)
	}
}

// Program returns the path of a program, and skips the test if it is not installed.
func Program(tb testing.TB, name, debianPackage string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(tb, fmt.Sprintf("needs %s (Debian: %s): %v", name, debianPackage, err))
	}
	return path
}

// Built returns the absolute path of a program that a target of make puts into build/bin, and skips the test if it is not there.
// root is the path of the repository.
func Built(tb testing.TB, root, name, target string) string {
	tb.Helper()
	path, err := filepath.Abs(filepath.Join(root, "build", "bin", name))
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		Missing(tb, fmt.Sprintf("needs %s, which make %s builds: %v", name, target, err))
	}
	return path
}

// Missing skips a test because this machine lacks something that the test needs. what describes that.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv(Variable) != "" {
		tb.Fatal(what)
	} else {
		tb.Skip(what)
	}
}

// Kernel skips a test of what only later kernels have. It is skipped also with REQUIRE_ALL: `make test` must pass with the kernel of
// Debian 12, which is 6.1.
func Kernel(tb testing.TB, version, why string) {
	tb.Helper()
	tb.Skipf("needs Linux %s: %s", version, why)
}

// RootForAll reports whether the user is root, for the TestMain of a package whose tests all need root. Otherwise it runs none of
// the tests, which go test shows as "no tests to run", and also returns the exit status.
func RootForAll(run func() int, why string) (code int, root bool) {
	if os.Geteuid() == 0 {
		return 0, true
	}
	fmt.Fprintln(os.Stderr, "skipped, needs root: "+why)
	if os.Getenv(Variable) != "" {
		return 1, false
	}
	flag.Parse()
	for name, value := range map[string]string{"test.run": "^$", "test.bench": "", "test.fuzz": ""} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1, false
		}
	}
	return run(), false
}
