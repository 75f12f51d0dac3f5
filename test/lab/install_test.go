package lab

import (
	"os"
	"regexp"
	"testing"
)

// TestInstallWaits: both scripts that install packages wait for another apt, and repeat downloads that fail.
func TestInstallWaits(t *testing.T) {
	other, err := os.ReadFile("../../deploy/images/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	patient := regexp.MustCompile(`^\t*apt=\(apt-get -o DPkg::Lock::Timeout=\d{3} -o Acquire::Retries=\d\)$`)
	for name, script := range map[string]string{"test/lab/install.sh": installScript, "deploy/images/install.sh": string(other)} {
		uses := regexp.MustCompile(`(?m)^[^#\n]*\bapt-get\b.*$`).FindAllString(regexp.MustCompile(`(?m)^\t*echo .*$`).ReplaceAllString(script, ""), -1)
		if len(uses) != 1 || !patient.MatchString(uses[0]) {
			t.Errorf("%s runs %q, want apt-get with a limit for the lock and with retries", name, uses)
		}
	}
}
