package main

import (
	"debug/buildinfo"
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/test/e2e/versions"
)

// image is one archive.
type image struct {
	file string
	// names lists the names of the image.
	names  []string
	config config
	layers maker
	// inputs are files that may change between builds.
	inputs []string
}

//go:embed files/nginx.conf
var nginxConf []byte

//go:embed files/hello-populator.sh
var helloPopulator []byte

const (
	suiteRegistry   = "registry.k8s.io/e2e-test-images/"
	sidecarRegistry = "registry.k8s.io/sig-storage/"
	ownRegistry     = "docker.io/library/"
	searchPath      = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// images returns all images. Those of the storage suite have the tags of every version of Kubernetes that is tested (package
// versions).
//
// Some differ from upstream's image of that name: busybox and nginx are Debian's; glibc-dns-testing, in which the suite runs
// shell commands, is that busybox; agnhost is upstream's program over it; hello-populator is a script. node-driver-registrar and
// livenessprobe are not among the tools. Stand-ins with their own names replace them: they do not prove that the sidecars
// themselves work.
//
// bin holds this project's own programs, and dir the images that "make images" has written.
func images(tools, bin, dir string) ([]image, error) {
	busybox := debian("busybox")
	nginx := debian("busybox", "nginx-light")
	suite := func(image string, more ...string) []string {
		var names []string
		for _, name := range versions.SuiteImages(image) {
			names = append(names, suiteRegistry+name)
		}
		return append(names, more...)
	}
	list := []image{
		{
			file: "pause.tar", names: []string{"registry.k8s.io/pause:3.10.2"},
			config: config{Entrypoint: []string{"/pause"}, User: "65535:65535"},
			layers: fileLayer(program(filepath.Join(tools, "pause"))),
		},
		{
			file: "busybox.tar", names: suite("busybox", suiteRegistry+"glibc-dns-testing:2.0.0", "docker.io/library/busybox:1.35"),
			config: config{Cmd: []string{"sh"}, Env: []string{searchPath}},
			layers: busybox,
		},
		{
			file: "agnhost.tar", names: suite("agnhost"),
			config: config{Entrypoint: []string{"/agnhost"}, Cmd: []string{"pause"}, Env: []string{searchPath}},
			layers: stack(busybox, fileLayer(program(filepath.Join(tools, "agnhost")))),
		},
		{
			file: "nginx.tar", names: suite("nginx", "docker.io/library/nginx:1.22"),
			config: config{Cmd: []string{"nginx", "-g", "daemon off;"}, Env: []string{searchPath}},
			layers: stack(nginx, fileLayer(file{name: "etc/nginx/nginx.conf", mode: 0o644, content: nginxConf})),
		},
		{
			file: "hello-populator.tar", names: []string{sidecarRegistry + "hello-populator:v1.0.1"},
			config: config{Entrypoint: []string{"/hello-populator.sh"}, Env: []string{searchPath}},
			layers: stack(busybox, fileLayer(
				program(filepath.Join(tools, "kubectl")),
				file{name: "hello-populator.sh", mode: 0o755, content: helloPopulator})),
		},
	}
	for _, name := range []string{"csi-provisioner", "csi-resizer"} {
		path := filepath.Join(tools, name)
		version, err := moduleVersion(path)
		if err != nil {
			return nil, err
		}
		list = append(list, image{
			file: name + ".tar", names: []string{sidecarRegistry + name + ":" + version},
			config: config{Entrypoint: []string{"/" + name}},
			layers: fileLayer(file{name: "tmp", mode: 0o1777, directory: true}, program(path)),
		})
	}
	for _, name := range []string{"registrar-stand-in", "livenessprobe-stand-in"} {
		list = append(list, image{
			file: name + ".tar", names: []string{ownRegistry + name + ":v1"},
			config: config{Entrypoint: []string{"/" + name}},
			layers: fileLayer(program(filepath.Join(tools, name))),
		})
	}
	workload := filepath.Join(bin, "chaos-workload")
	return append(list,
		image{
			file: "chaos-workload.tar", names: []string{ownRegistry + "chaos-workload:v1"}, inputs: []string{workload},
			config: config{Entrypoint: []string{"/chaos-workload"}},
			layers: fileLayer(program(workload)),
		},
		previous(filepath.Join(dir, "node.tar"), filepath.Join(bin, "glusterfs-csi-previous"))), nil
}

// moduleVersion returns the version of the module that holds the main package of a Go program.
func moduleVersion(path string) (string, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w; build it with: make e2e-tools", err)
	}
	for _, module := range append(info.Deps, &info.Main) {
		if strings.HasPrefix(info.Path, module.Path+"/") {
			return module.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not say the version of %s", path, info.Path)
}

// program returns the entry that puts an executable of the host at the root of the image.
func program(path string) file {
	return file{name: filepath.Base(path), mode: 0o755, from: path}
}
