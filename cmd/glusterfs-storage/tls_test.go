package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/storage/jobs"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/certificates"
	"github.com/glusterfs-csi/glusterfs-csi/test/lab/labtest"
)

// These variables make the test binary run glusterfs-storage, or query Heketi as the Jobs do: a process reads SSL_CERT_FILE only
// once.
const (
	asMain = "GLUSTERFS_STORAGE_TEST_MAIN"
	asJob  = "GLUSTERFS_STORAGE_TEST_JOB"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asMain) != "":
		main()
	case os.Getenv(asJob) != "":
		if err := askAsJob(os.Getenv(asJob)); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// askAsJob queries Heketi with the client of setup and teardown.
func askAsJob(url string) error {
	client, err := jobs.Options{HeketiURL: url, Key: os.Getenv(keyVariable)}.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.Clusters(context.Background())
	return err
}

// TestHeketiWithTLS: with the environment from the chart, backup, setup and teardown reach a Heketi whose certificate is as the
// chart's README describes, from a private authority.
func TestHeketiWithTLS(t *testing.T) {
	server := labtest.MockHeketi(t)
	dir := certificates.NewAuthority(t).IssueNames("heketi.storage.svc", "localhost")
	authority := filepath.Join(dir, certificates.AuthorityFile)
	if err := server.UseTLS(t.Context(), filepath.Join(dir, certificates.CertificateFile), filepath.Join(dir, certificates.KeyFile), authority); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	secrets, kubeconfig := newAPIServer(t, "heketi-db-backup")
	for name, tt := range map[string]struct {
		variable string
		args     []string
	}{
		"backup":             {asMain + "=1", []string{"backup", "--heketi-url=" + url, "--heketi=" + heketiProgram(t), "--namespace=storage", "--kubeconfig=" + kubeconfig}},
		"setup and teardown": {asJob + "=" + url, nil},
	} {
		t.Run(name, func(t *testing.T) {
			program := func(authorities string) (string, error) {
				cmd := exec.CommandContext(t.Context(), os.Args[0], tt.args...)
				cmd.Env = append(os.Environ(), tt.variable, keyVariable+"="+lab.HeketiKey, "SSL_CERT_FILE="+authorities)
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			if out, err := program("/nowhere"); err == nil || !strings.Contains(out, "unknown authority") {
				t.Errorf("without the authority: %v, %s", err, out)
			}
			if out, err := program(authority); err != nil {
				t.Errorf("%v, %s", err, out)
			}
		})
	}
	if secrets.annotation("heketi-db-backup", "glusterfs-storage/sha256") == "" {
		t.Error("there is no backup")
	}
}
