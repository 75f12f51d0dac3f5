// Command sbom makes the bill of materials of an image: it adds Debian packages to the CycloneDX document of the Go
// binary in it.
//
//	sbom -name glusterfs-csi-node -version v1.2.3 -packages FILE <binary.cdx.json >image.cdx.json
//
// FILE is the output of dpkg-query -W -f='${Package}\t${Version}\t${Architecture}\n'; it may be empty.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
)

func main() {
	name := flag.String("name", "", "name of the image")
	version := flag.String("version", "", "version of the image")
	packages := flag.String("packages", "", "file with the Debian packages")
	flag.Parse()
	if err := run(*name, *version, *packages, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "sbom: %v\n", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(name, version, packages string, binary io.Reader, out io.Writer) error {
	list, err := os.ReadFile(packages) // #nosec G304 -- the caller names this file
	if err != nil {
		return fmt.Errorf("-packages: %w", err)
	}
	document := map[string]any{}
	if err := json.NewDecoder(binary).Decode(&document); err != nil {
		return fmt.Errorf("standard input is no JSON document: %w", err)
	}
	if err := describeImage(document, name, version, string(list)); err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

// describeImage turns the document about a Go binary into that of the image that holds it: the binary becomes one of the
// image's components, beside the modules that it was built from and the packages.
func describeImage(document map[string]any, name, version, packages string) error {
	metadata, _ := document["metadata"].(map[string]any)
	binary, _ := metadata["component"].(map[string]any)
	if binary == nil {
		return errors.New("standard input is no CycloneDX document: metadata.component is missing")
	}
	modules, _ := document["components"].([]any)
	components := append([]any{binary}, modules...)
	for line := range strings.Lines(packages) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return fmt.Errorf("-packages: the line %q does not have name, version and architecture", strings.TrimSpace(line))
		}
		components = append(components, debianPackage(fields[0], fields[1], fields[2]))
	}
	document["components"] = components
	metadata["component"] = map[string]any{"bom-ref": "image", "type": "container", "name": name, "version": version}
	return nil
}

// debianPackage writes the package URL as https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md.
func debianPackage(name, version, architecture string) map[string]any {
	purl := fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", url.PathEscape(name), url.QueryEscape(version), architecture)
	return map[string]any{"bom-ref": purl, "type": "library", "name": name, "version": version, "purl": purl}
}
