package kubectl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/plain"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
)

const checkVersions = "versions"

// Versions reports the chart and image of each workload, and the pods that do not have the workload's image.
func (i Installation) Versions() []report.Finding {
	var findings []report.Finding
	for _, w := range i.Workloads {
		subject := fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name)
		chart := "not installed by helm"
		if w.Chart != "" {
			chart = fmt.Sprintf("chart %s, version %s", w.Chart, w.Version)
		}
		findings = append(findings, report.Finding{
			Severity: report.OK, Check: checkVersions, Subject: subject, Message: fmt.Sprintf("%s; image %s%s", chart, w.Image, i.pulled(w)),
		})
		if others := i.others(w); len(others) > 0 {
			findings = append(findings, report.Finding{
				Severity: report.Warning, Check: checkVersions, Subject: subject,
				Message: fmt.Sprintf("%d pods have another image: %s", len(others), plain.Few(others, 5, ", ", " and ")),
				Remedy: "wait for the end of the roll-out, or find out why it does not progress; with the update strategy OnDelete, drain each node and delete its pod " +
					"(docs/upgrade.md)",
				Commands: []string{fmt.Sprintf("kubectl -n %s rollout status %s/%s", w.Namespace, strings.ToLower(w.Kind), w.Name)},
			})
		}
	}
	return findings
}

// of returns the pods of a workload. The component is compared, too, since the names of another workload's pods may have the same
// prefix.
func (i Installation) of(w Workload) (pods []Pod) {
	for _, pod := range i.Pods {
		rest, is := strings.CutPrefix(pod.Name, w.Name+"-")
		if is && !strings.Contains(rest, "-") && pod.Component == w.Component {
			pods = append(pods, pod)
		}
	}
	return pods
}

// pulled returns the digests of the workload's image on the nodes.
func (i Installation) pulled(w Workload) string {
	var digests []string
	for _, pod := range i.of(w) {
		if _, digest, found := strings.Cut(pod.ImageID, "@"); found && pod.Image == w.Image && !slices.Contains(digests, digest) {
			digests = append(digests, digest)
		}
	}
	if len(digests) == 0 {
		return ""
	}
	slices.Sort(digests)
	return fmt.Sprintf(" (%s)", plain.Few(digests, 3, ", ", " and "))
}

func (i Installation) others(w Workload) (others []string) {
	for _, pod := range i.of(w) {
		if pod.Image != w.Image {
			others = append(others, fmt.Sprintf("%s (%s)", pod.Name, pod.Image))
		}
	}
	return others
}
