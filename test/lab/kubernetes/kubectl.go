package kubernetes

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Kubeconfig returns the administrator's kubeconfig file. It works on all machines of the lab.
func (c *Cluster) Kubeconfig() string { return c.kubeconfigFile(adminName) }

func (c *Cluster) kubeconfigFile(name string) string { return c.path(name + ".kubeconfig") }

// Command returns a command that runs on the hub as the cluster's administrator, such as kubectl or helm, in the caller's working
// directory.
func (c *Cluster) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	dir, err := os.Getwd()
	if err != nil {
		dir = "/"
	}
	cmd := c.lab.Hub().Command(ctx, "env", append([]string{"--chdir=" + dir, name}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "PATH="+c.tools+":"+os.Getenv("PATH"),
		"HOME=/run") // for caches, which disappear with the hub
	return cmd
}

// Kubectl runs kubectl and returns its standard output. An error contains its standard error.
func (c *Cluster) Kubectl(ctx context.Context, args ...string) (string, error) {
	return c.kubectl(ctx, nil, args)
}

// Apply passes manifests to "kubectl apply".
func (c *Cluster) Apply(ctx context.Context, manifests string) error {
	_, err := c.kubectl(ctx, strings.NewReader(manifests), []string{"apply", "-f", "-"})
	return err
}

// Delete removes what Apply created, and waits until it is gone.
func (c *Cluster) Delete(ctx context.Context, manifests string) error {
	_, err := c.kubectl(ctx, strings.NewReader(manifests), []string{"delete", "--ignore-not-found", "-f", "-"})
	return err
}

func (c *Cluster) kubectl(ctx context.Context, in io.Reader, args []string) (string, error) {
	cmd := c.Command(ctx, "kubectl", args...)
	cmd.Stdin = in
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(problem.String()))
	}
	return out.String(), nil
}

// AppendEnv appends the variables that are needed to use the cluster to a shell file.
func (c *Cluster) AppendEnv(path string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	fmt.Fprintf(file, "export KUBECONFIG='%s'\nKUBE_EXEC='%s'\nKUBECTL='%s'\n",
		c.Kubeconfig(), c.lab.Labctl("kube", "--"), c.lab.Labctl("kube", "--", "kubectl"))
	return file.Close()
}

// run runs a command. An error contains the command's whole output.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
