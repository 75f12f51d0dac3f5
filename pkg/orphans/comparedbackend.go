package orphans

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/backendreport"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/heketi"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/report"
	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// comparedBackend is a backend whose records can be trusted.
type comparedBackend struct {
	comparison
	b       *heketi.Backend
	subject string
	dump    heketi.Dump
}

func (k comparedBackend) ids() []string {
	return slices.SortedFunc(maps.Keys(k.dump.Volumes), func(a, b string) int {
		return strings.Compare(k.dump.Volumes[a].Name+"\x00"+a, k.dump.Volumes[b].Name+"\x00"+b)
	})
}

// volumesWithoutPV finds volumes that no PersistentVolume names. It checks only volumes that this installation of the driver
// made, and skips volumes that are being made or deleted.
func (k comparedBackend) volumesWithoutPV() []finding {
	var findings []finding
	for _, id := range k.ids() {
		v := k.dump.Volumes[id]
		if v.Block || v.Pending != "" || !k.b.OfThisInstallation(v.Name) || len(k.byID[id]) > 0 {
			continue
		}
		subject := fmt.Sprintf("gluster volume %s (id %s, backend %q)", v.Name, id, k.b.Name())
		if users := k.names[v.Name]; len(users) > 0 {
			findings = append(findings, finding{report.Finding{
				Severity: report.Info, Check: checkOrphan, Subject: subject,
				Message: fmt.Sprintf("no PersistentVolume has its handle, but %s mounts it by its name", users[0]),
			}, []string{id}})
			continue
		}
		message := fmt.Sprintf("%d GiB in cluster %s without a PersistentVolume", v.SizeGiB, v.Cluster)
		if !k.ours {
			message += "; the list has no PersistentVolume of driver " + k.driver + " at all: is it the list of the right Kubernetes cluster?"
		}
		findings = append(findings, finding{report.Finding{
			Severity: report.Warning, Check: checkOrphan, Subject: subject, Message: message,
			Remedy: "the volume may have been kept on purpose (reclaim policy Retain), may belong to another Kubernetes cluster, or may be newer than the list of " +
				"PersistentVolumes: compare again with a new list, and look at the volume's content. This command deletes the volume and its data:",
			Commands: []string{backendreport.CLI(k.b, "volume delete "+id)},
		}, []string{id}})
	}
	return findings
}

// pvs checks every PersistentVolume of the backend.
func (k comparedBackend) pvs() []finding {
	var findings []finding
	for _, pv := range slices.SortedStableFunc(slices.Values(k.byBackend[k.b.Name()]), func(a, b pv) int { return strings.Compare(a.Name, b.Name) }) {
		v, exists := k.dump.Volumes[pv.handle.ID]
		switch {
		case !exists:
			findings = append(findings, finding{k.withoutVolume(pv), []string{pv.Name}})
		case v.Pending != "":
			findings = append(findings, finding{report.Finding{
				Severity: report.Info, Check: checkPending, Subject: pv.String(),
				Message: fmt.Sprintf("Heketi is deleting or cloning its volume %s (operation %s, %s)", v.Name, v.Pending, status(k.dump.Operations[v.Pending])),
			}, []string{pv.Name}})
		default:
			findings = append(findings, k.differences(pv, v)...)
		}
	}
	return findings
}

func status(op heketi.DumpOperation) string {
	if op.Status == "" {
		return "under way"
	}
	return op.Status
}

func (k comparedBackend) withoutVolume(pv pv) report.Finding {
	f := report.Finding{
		Severity: report.Critical, Check: checkNoVolume, Subject: pv.String(),
		Message: fmt.Sprintf("backend %q has no volume %s", k.b.Name(), pv.handle.ID),
		Remedy: "pods that mount this PersistentVolume fail. If the volume was deleted on purpose, delete the PersistentVolume (Kubernetes keeps it until its " +
			"claim is deleted); otherwise restore the data into a new volume first. If the list is older than the deletion, compare again with a new list",
		Commands: []string{"kubectl delete pv " + pv.Name},
	}
	if name := glusterName(pv.PV); name != "" {
		f.Message += ", which was gluster volume " + name
		if id := k.idOf(name); id != "" {
			f.Message += "; a volume of that name exists there with another id, " + id
			f.Remedy = "keep the PersistentVolume: pods still mount the volume by its name, but the driver can neither expand nor delete it under this handle. " +
				"Heketi's database has probably been rebuilt; make a PersistentVolume with the right handle, and delete this one with reclaim policy Retain"
			f.Commands = nil
		}
	}
	if pv.Deleting || pv.Phase == "Released" {
		f.Severity = report.Warning // no claim uses it any more
	}
	if pv.Claim != "" && len(f.Commands) > 0 && pv.Phase == "Bound" {
		namespace, name, _ := strings.Cut(pv.Claim, "/")
		f.Commands = append([]string{fmt.Sprintf("kubectl delete pvc --namespace %s %s", namespace, name)}, f.Commands...)
	}
	return f
}

func (k comparedBackend) idOf(name string) string {
	for _, id := range k.ids() {
		if k.dump.Volumes[id].Name == name {
			return id
		}
	}
	return ""
}

// differences compares Heketi's record of a volume with the attributes by which nodes mount the volume.
func (k comparedBackend) differences(pv pv, v heketi.DumpVolume) []finding {
	var findings []finding
	say := func(severity report.Severity, message, remedy string) {
		findings = append(findings, finding{
			report.Finding{Severity: severity, Check: checkMismatch, Subject: pv.String(), Message: message, Remedy: remedy}, []string{pv.Name},
		})
	}
	const correct = "find out which is right, set the reclaim policy to Retain, and recreate the PersistentVolume with the right attributes, since attributes cannot be changed"
	if name := glusterName(pv.PV); name != "" && name != v.Name {
		say(report.Critical, fmt.Sprintf("its pods mount gluster volume %s, but its handle belongs to gluster volume %s, which a deletion or an expansion would affect", name, v.Name), correct)
	}
	if cluster := pv.Context[volume.ContextCluster]; cluster != "" && cluster != v.Cluster {
		say(report.Critical, fmt.Sprintf("its cluster is %s, but Heketi has the volume in cluster %s", cluster, v.Cluster), correct)
	}
	if backend := pv.Context[volume.ContextBackend]; backend != "" && backend != pv.handle.Backend {
		say(report.Warning, fmt.Sprintf("its attributes name backend %s, but its handle names %s", backend, pv.handle.Backend), correct)
	}
	if !volume.IsOurs(v.Name) && !pv.handle.Adopted {
		say(report.Warning, fmt.Sprintf("gluster volume %s was not made by this driver, which will neither delete nor expand it", v.Name),
			"recreate the PersistentVolume with /adopted at the end of its handle to put the volume under this driver's control, or leave everything unchanged")
	}
	return findings
}

func (k comparedBackend) summary() report.Finding {
	ours, others := 0, 0
	for _, v := range k.dump.Volumes {
		switch {
		case v.Block || !volume.IsOurs(v.Name):
		case k.b.OfThisInstallation(v.Name):
			ours++
		default:
			others++
		}
	}
	more := ""
	if others > 0 {
		more = fmt.Sprintf(" (and %d without the prefix %q)", others, k.b.VolumeNamePrefix())
	}
	return report.Finding{Severity: report.OK, Check: checkSummary, Subject: k.subject,
		Message: fmt.Sprintf("compared; volumes: %d, of this driver: %d%s, PersistentVolumes: %d", len(k.dump.Volumes), ours, more, len(k.byBackend[k.b.Name()]))}
}
