package storage

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wentBack restores Heketi from a copy of the CronJob, with the commands of the chart's README.
func wentBack(t *testing.T, i installed) {
	t.Helper()
	before := i.heketi("cluster", "list")
	i.in("create", "job", "copy", "--from=cronjob/heketi-backup")
	i.in("wait", "--for=condition=Complete", "job/copy", patience)
	// The new cluster is only in the database; gluster has no trace of it.
	i.heketi("cluster", "create")
	if i.heketi("cluster", "list") == before {
		t.Fatalf("Heketi has made no cluster: %s", before)
	}
	runReadme(t, "COPY=", "COPY="+newestCopy(i))
	i.in("rollout", "status", "statefulset/heketi", patience)
	if after := i.heketi("cluster", "list"); after != before {
		t.Errorf("Heketi had the clusters\n%s\nand has\n%s", before, after)
	}
	if log := i.in("logs", "heketi-0", "--container=restore"); !strings.Contains(log, "The database is replaced by the backup") {
		t.Errorf("the log of the container restore: %s", log)
	}
	if annotations := i.in("get", "secret", "heketi-db-backup", "--output=jsonpath={.metadata.annotations}"); strings.Contains(annotations, "glusterfs-storage/restore") {
		t.Errorf("the Secret's annotation is still there: %s", annotations)
	}
	canMakeVolumes(t, "after-going-back")
}

// newestCopy returns the name of the last Secret that the CronJob wrote.
func newestCopy(i installed) string {
	i.Helper()
	const line = `{range .items[*]}{.metadata.annotations.glusterfs-storage/taken-at}{" "}{.metadata.name}{"\n"}{end}`
	var copies []string
	for secret := range strings.Lines(i.in("get", "secrets", "--output=jsonpath="+line)) {
		if taken, name, _ := strings.Cut(strings.TrimSpace(secret), " "); strings.HasPrefix(name, "heketi-db-backup-") && taken != "" {
			copies = append(copies, taken+" "+name)
		}
	}
	if len(copies) == 0 {
		i.Fatal("no Secret has a copy of the CronJob")
	}
	_, name, _ := strings.Cut(slices.Max(copies), " ")
	return name
}

// runReadme runs the block of the chart's README that has a line with this beginning, with that line replaced.
func runReadme(t *testing.T, begin, line string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(root, "charts", "glusterfs-storage", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	replaced := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(begin) + ".*$")
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(readme), -1) {
		if !replaced.MatchString(block[1]) {
			continue
		}
		script := "cd '" + t.TempDir() + "'\n" + replaced.ReplaceAllLiteralString(block[1], line)
		if out, err := cluster.Command(t.Context(), "bash", "-euc", script).CombinedOutput(); err != nil {
			t.Fatalf("the commands of the README: %v: %s", err, out)
		}
		return
	}
	t.Fatalf("no block of %s has a line %s", "charts/glusterfs-storage/README.md", begin)
}
