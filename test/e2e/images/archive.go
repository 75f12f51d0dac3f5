package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"strings"
)

// The types below are those of the OCI image specification, version 1.0: an image layout in a tar archive.

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

// config describes how a container of the image runs.
type config struct {
	User       string   `json:"User,omitempty"`
	Env        []string `json:"Env,omitempty"`
	Entrypoint []string `json:"Entrypoint,omitempty"`
	Cmd        []string `json:"Cmd,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type imageConfig struct {
	platform
	Config config `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	Manifests     []descriptor `json:"manifests"`
}

// writeArchive writes the image with these layers.
func writeArchive(path string, i image, layers []layer) error {
	out, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	w := &archive{tar.NewWriter(out)}
	here := platform{Architecture: runtime.GOARCH, OS: "linux"}
	c := imageConfig{platform: here, Config: i.config}
	c.RootFS.Type = "layers"
	m := manifest{SchemaVersion: 2, MediaType: manifestType}
	for _, l := range layers {
		if err := w.layer(l); err != nil {
			return err
		}
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.digest)
		m.Layers = append(m.Layers, descriptor{MediaType: layerType, Digest: l.digest, Size: l.size})
	}
	if m.Config, err = w.document(configType, c); err != nil {
		return err
	}
	d, err := w.document(manifestType, m)
	if err != nil {
		return err
	}
	d.Platform = &here
	x := index{SchemaVersion: 2}
	for _, name := range i.names {
		d.Annotations = map[string]string{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
		x.Manifests = append(x.Manifests, d)
	}
	data, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if err := w.file("index.json", data); err != nil {
		return err
	}
	if err := w.file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

type archive struct{ *tar.Writer }

func blob(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

func (a *archive) layer(l layer) error {
	in, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := a.WriteHeader(&tar.Header{Name: blob(l.digest), Mode: 0o644, Size: l.size}); err != nil {
		return err
	}
	_, err = io.Copy(a, in)
	return err
}

// document adds value as JSON and returns its descriptor.
func (a *archive) document(mediaType string, value any) (descriptor, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return descriptor{}, err
	}
	sum := sha256.Sum256(data)
	d := descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(data))}
	return d, a.file(blob(d.Digest), data)
}

func (a *archive) file(name string, data []byte) error {
	if err := a.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := io.Copy(a, bytes.NewReader(data))
	return err
}
