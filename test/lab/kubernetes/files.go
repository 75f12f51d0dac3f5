package kubernetes

import (
	"embed"
	"os"
	"path/filepath"
	"text/template"

	"github.com/glusterfs-csi/glusterfs-csi/test/lab/internal/machine"
)

//go:embed files
var files embed.FS

// writeFiles makes the cluster's directory.
func (c *Cluster) writeFiles() error {
	if err := os.MkdirAll(c.path(), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(c.tools, c.path("tools")); err != nil {
		return err
	}
	if err := c.makePKI(); err != nil {
		return err
	}
	if err := render(auditPolicy, c.path(auditPolicy), nil); err != nil {
		return err
	}
	names := []string{adminName, controllerManagerName, schedulerName, proxyName}
	for _, node := range c.AllNodes() {
		names = append(names, node.Name)
		if err := node.writeFiles(); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := render("kubeconfig.yaml", c.kubeconfigFile(name), map[string]string{
			"Server": apiServerURL, "CA": c.certFile(caName), "Cert": c.certFile(name), "Key": c.keyFile(name), "User": name,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) writeFiles() error {
	pods, err := machine.PodNetworkOf(n.Machine.IP)
	if err != nil {
		return err
	}
	values := map[string]string{
		"Name": n.Name, "IP": n.Machine.IP, "ProxyKubeconfig": n.cluster.kubeconfigFile(proxyName),
		"Pods": pods.String(), "AllPods": machine.PodNetwork, "CgroupRoot": n.cluster.layout().Cgroup(n.Name),
		"CA": n.cluster.certFile(caName), "Cert": n.cluster.certFile(n.Name), "Key": n.cluster.keyFile(n.Name),
		"CNI": n.path("cni"), "PodLogs": filepath.Join(n.cluster.lab.LogDir(), n.Name, "pods"), "Pause": pauseImage, "Taint": "",
	}
	if n.Storage { // so a storage node needs only the images of pods that run on every node
		values["Taint"] = "{key: lab/storage, effect: NoSchedule}"
	}
	if err := os.MkdirAll(n.path("cni"), 0o755); err != nil {
		return err
	}
	for _, file := range []string{"kubelet.yaml", "kube-proxy.yaml", "containerd.toml", "cni/bridge.conflist"} {
		if err := render(filepath.Base(file), n.path(file), values); err != nil {
			return err
		}
	}
	return nil
}

func render(name, path string, values any) error {
	t, err := template.New(name).Option("missingkey=error").ParseFS(files, "files/"+name)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := t.Execute(file, values); err != nil {
		return err
	}
	return file.Close()
}
