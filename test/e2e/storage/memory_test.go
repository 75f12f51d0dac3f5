package storage

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
)

// TestMemory logs how much memory GlusterFS and Heketi take with 0, 1 and 10 volumes of the default class, besides the volume of
// Heketi's database.
func TestMemory(t *testing.T) {
	i := install(t)
	var out bytes.Buffer
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "volumes\tnode\tprogram\tprocesses\tPSS, MiB\tRSS, MiB")
	claims := 0
	for _, volumes := range []int{0, 1, 10} {
		for ; claims < volumes; claims++ {
			bindClaim(t, fmt.Sprintf("memory-%d", claims))
		}
		isHealed(t, i)
		measure(i, table, volumes, "glusterfs-node=pod", "glusterfs-storage", "glusterd", "glusterfsd", "glusterfs")
		measure(i, table, volumes, "app.kubernetes.io/component=heketi", "heketi", "glusterfs-storage")
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
	for ; claims > 0; claims-- {
		deleteClaim(t, fmt.Sprintf("memory-%d", claims-1))
	}
}

// measure writes a row for each program in each pod with the label. Every program must run in every pod.
func measure(i installed, table *tabwriter.Writer, volumes int, label string, programs ...string) {
	i.Helper()
	const pods = `{range .items[*]}{.metadata.uid} {.spec.nodeName}{"\n"}{end}`
	for line := range strings.Lines(i.in("get", "pods", "--selector="+label, "--output=jsonpath="+pods)) {
		uid, node, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, program := range programs {
			processes := processesOf(i.T, uid, program)
			if len(processes) == 0 {
				i.Errorf("%s does not run on %s", program, node)
			}
			var pss, rss float64
			for _, process := range processes {
				pss, rss = pss+memory(i.T, process, "Pss"), rss+memory(i.T, process, "Rss")
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%.1f\t%.1f\n", volumes, node, program, len(processes), pss, rss)
		}
	}
}

// processesOf lists the processes of a pod that run a program, as directories in /proc.
func processesOf(t *testing.T, pod, program string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, process := range all {
		groups, _ := os.ReadFile(filepath.Join(process, "cgroup")) // it may end meanwhile
		command, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		name, _, _ := strings.Cut(string(command), "\x00")
		if strings.Contains(string(groups), pod) && filepath.Base(name) == program {
			found = append(found, process)
		}
	}
	return found
}

// memory returns a field of a process's memory, in MiB. In the proportional share (Pss), a page of two processes counts half for
// each.
func memory(t *testing.T, process, field string) float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(process, "smaps_rollup"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == field+":" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	t.Fatalf("%s has no field %s:\n%s", process, field, text)
	return 0
}
