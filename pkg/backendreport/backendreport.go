// Package backendreport makes the texts that packages doctor and orphans have in common in their findings about a Heketi backend:
// the backend's name, the explanation of an error, a heketi-cli command line, and the finding about abandoned operations. It
// sends no requests: callers pass what Heketi has answered. The texts may quote names from Heketi; package report makes them safe
// to print.
package backendreport

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

// Subject returns the name of a backend for findings.
func Subject(b *heketi.Backend) string { return fmt.Sprintf("backend %q (%s)", b.Name(), b.URL()) }

// Explain splits an error into a message and a remedy. The remedy is the error's hint if it has one.
func Explain(err error) (message, remedy string) {
	message, remedy = err.Error(), "see Heketi's log"
	type hinting interface {
		error
		Hint() string
	}
	if e, ok := errors.AsType[hinting](err); ok && e.Hint() != "" {
		message, remedy = strings.TrimSuffix(message, "; "+e.Hint()), e.Hint()
	}
	return message, remedy
}

// CLI returns a command line of heketi-cli, which reads the key from HEKETI_CLI_KEY.
func CLI(b *heketi.Backend, command string) string {
	return "heketi-cli --server " + b.URL() + " --user admin " + command
}

// LeftBehind returns a finding of the given check about stale and failed operations. The dump has the names of their volumes.
func LeftBehind(b *heketi.Backend, dump heketi.Dump, operations []heketi.Operation, check string) report.Finding {
	names := map[string]string{} // of volumes, by their pending operation
	for _, v := range dump.Volumes {
		if v.Pending != "" {
			names[v.Pending] = v.Name
		}
	}
	texts := make([]string, 0, len(operations))
	var cleanable []string
	var clones, expands bool
	for _, op := range operations {
		text := fmt.Sprintf("%s %s %s", op.Status, op.Type, op.ID)
		if name := names[op.ID]; name != "" {
			text += " of gluster volume " + name
		}
		texts = append(texts, text)
		switch op.Type {
		case cloneVolume:
			clones = true
		case heketi.OperationExpandVolume:
			expands = true
		default:
			cleanable = append(cleanable, op.ID)
		}
	}
	var remedies []string
	if clones {
		remedies = append(remedies, "Heketi never cleans up a clone: repair its database offline (heketi db export, edit, heketi db import), also for the "+
			"sake of the volume that was cloned.")
	}
	if expands {
		remedies = append(remedies, "Gluster may already use the new bricks of an expand, and a clean-up removes bricks without asking gluster: "+
			"see docs/troubleshooting.md, \"An expand that was interrupted\".")
	}
	commands := []string{CLI(b, "server operations list")}
	if len(cleanable) > 0 {
		remedies = append(remedies, "Heketi undoes creates and finishes deletes itself, a minute after its start and then every hour, unless its background cleaner is off, "+
			"as in the chart glusterfs-storage. If they stay, see Heketi's log. To clean up now, leave out creates of volumes that gluster has, because these may be in use:")
	}
	for chunk := range slices.Chunk(cleanable, mostCleaned) {
		commands = append(commands, CLI(b, "server operations cleanup "+strings.Join(chunk, " ")))
	}
	return report.Finding{
		Severity: report.Warning, Check: check, Subject: Subject(b),
		Message: plain.Plural(len(operations), "operation") + " left behind, so that names and space stay in use: " + plain.Few(texts, 5, "; ", "; and "),
		Remedy:  strings.Join(remedies, " "), Commands: commands,
	}
}

// cloneVolume is a type of operation that this driver never begins.
const cloneVolume = "clone-volume"

// mostCleaned is the maximum number of operations in one clean-up request (heketi: apps/glusterfs/app_operations.go).
const mostCleaned = 32
