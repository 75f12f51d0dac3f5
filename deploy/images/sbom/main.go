// Command sbom makes the bill of materials of an image: it joins the CycloneDX documents of the image's Go binaries and adds the
// Debian packages.
//
//	sbom -name glusterfs-csi-node -version v1.2.3 -packages FILE binary.cdx.json... >image.cdx.json
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
	if err := run(*name, *version, *packages, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "sbom: %v\n", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(name, version, packages string, binaries []string, out io.Writer) error {
	list, err := os.ReadFile(packages) // #nosec G304 -- the caller names this file
	if err != nil {
		return fmt.Errorf("-packages: %w", err)
	}
	document, err := readBinaries(binaries)
	if err != nil {
		return err
	}
	if err := describeImage(document, name, version, string(list)); err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

// readBinaries returns one document for all binaries, with the metadata of the first.
func readBinaries(paths []string) (map[string]any, error) {
	if len(paths) == 0 {
		return nil, errors.New("no document about a binary: name at least one file")
	}
	var all map[string]any
	for _, path := range paths {
		data, err := os.ReadFile(path) // #nosec G304 -- the caller names this file
		if err != nil {
			return nil, err
		}
		document := map[string]any{}
		if err := json.Unmarshal(data, &document); err != nil {
			return nil, fmt.Errorf("%s is no JSON document: %w", path, err)
		}
		if err := binaryToComponent(document); err != nil {
			return nil, fmt.Errorf("%s %w", path, err)
		}
		if all == nil {
			all = document
		} else {
			join(all, document)
		}
	}
	return all, nil
}

// binaryToComponent makes the binary that a document describes the first of the document's components, before the modules of the
// binary.
func binaryToComponent(document map[string]any) error {
	metadata, _ := document["metadata"].(map[string]any)
	binary, _ := metadata["component"].(map[string]any)
	if binary == nil {
		return errors.New("is no CycloneDX document: metadata.component is missing")
	}
	modules, _ := document["components"].([]any)
	document["components"] = append([]any{binary}, modules...)
	return nil
}

// describeImage turns the document of the binaries into the document of their image, with its packages.
func describeImage(document map[string]any, name, version, packages string) error {
	components, _ := document["components"].([]any)
	for line := range strings.Lines(packages) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return fmt.Errorf("-packages: the line %q does not have name, version and architecture", strings.TrimSpace(line))
		}
		components = append(components, debianPackage(fields[0], fields[1], fields[2]))
	}
	document["components"] = components
	metadata, _ := document["metadata"].(map[string]any)
	metadata["component"] = map[string]any{"bom-ref": "image", "type": "container", "name": name, "version": version}
	return nil
}

// debianPackage returns a component with the package URL of
// https://github.com/package-url/purl-spec/blob/main/types-doc/deb-definition.md.
func debianPackage(name, version, architecture string) map[string]any {
	purl := fmt.Sprintf("pkg:deb/debian/%s@%s?arch=%s", url.PathEscape(name), url.QueryEscape(version), architecture)
	return map[string]any{"bom-ref": purl, "type": "library", "name": name, "version": version, "purl": purl}
}
