package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/glusterfs-csi/glusterfs-csi/pkg/volume"
)

// classes plans every StorageClass of the in-tree plugin. A class cannot be changed, only replaced by another of the same name.
func (p *planner) classes() ([]ClassPlan, error) {
	var plans []ClassPlan
	for _, object := range p.Objects.Classes {
		class, err := read[storageClass](object)
		if err != nil {
			return nil, err
		}
		if class.Provisioner != inTree {
			continue
		}
		plan := ClassPlan{Name: class.Metadata.Name, Action: Migrate, Backup: backupOf(object)}
		if err := p.class(class, &plan); err != nil {
			plan.Action, plan.Reason, plan.Warnings, plan.Replacement = Refuse, err.Error(), nil, nil
		}
		plans = append(plans, plan)
	}
	slices.SortStableFunc(plans, func(a, b ClassPlan) int { return cmp.Compare(a.Name, b.Name) })
	return plans, nil
}

// loginParameters returns the parameters with which the in-tree plugin logged in to Heketi; the driver uses its backend's
// credentials instead. Parameter names may have any letter case.
func loginParameters() []string {
	return []string{"restauthenabled", "restuser", "restuserkey", "secretnamespace", "secretname"}
}

func (p *planner) class(class storageClass, plan *ClassPlan) error {
	parameters, err := volume.ParseParameters(class.Parameters)
	if err != nil {
		return err
	}
	if p.Backends == nil {
		return errors.New("its Heketi is not known; name the driver's configuration with --config=FILE")
	}
	backend, err := p.Backends.Select(parameters.Backend, parameters.RestURL)
	if err != nil {
		return err
	}
	if len(class.AllowedTopologies) > 0 {
		return errors.New("it has allowedTopologies, and the driver has no topology; make the class by hand without them")
	}
	kept := map[string]string{}
	for _, key := range sortedKeys(class.Parameters) {
		if slices.Contains(loginParameters(), strings.ToLower(key)) {
			plan.Warnings = append(plan.Warnings, loginWarning(key, class.Parameters[key], backend.Name()))
			continue
		}
		kept[key] = class.Parameters[key]
		if bare, removed := volume.WithoutLogin(kept[key]); removed && strings.EqualFold(key, "resturl") {
			plan.Warnings = append(plan.Warnings, fmt.Sprintf("user and password are left out of %s: the driver logs in as the user of its backend %s; change the password in Heketi, "+
				"since all who may read StorageClasses may have seen it", key, backend.Name()))
			kept[key] = bare
		}
	}
	options, warnings, err := translateOptions(class.MountOptions, false, p.DropMountOptions)
	if err != nil {
		return err
	}
	plan.Warnings = append(plan.Warnings, warnings...)
	plan.Replacement = classReplacement(class, plan.Backup, p.Driver, kept, options)
	return nil
}

// loginWarning names the setting of the driver that replaces a parameter. It never contains the value of a key.
func loginWarning(key, value, backend string) string {
	switch strings.ToLower(key) {
	case "restuserkey":
		return fmt.Sprintf("%s is left out: put the key into the Secret that the chart's value backends[name=%s].existingSecret names, and change it in Heketi, "+
			"since all who may read StorageClasses may have seen it", key, backend)
	case "secretnamespace", "secretname":
		return fmt.Sprintf("%s (%s) is left out: the driver takes the key from the Secret that the chart's value backends[name=%s].existingSecret names", key, value, backend)
	}
	return fmt.Sprintf("%s is left out: the driver logs in as the user of its backend %s", key, backend)
}

func classReplacement(class storageClass, backup map[string]any, driver string, parameters map[string]string, options []string) map[string]any {
	made := &unstructured.Unstructured{Object: backup}
	made = made.DeepCopy()
	delete(made.Object, "metadata")
	made.SetAPIVersion("storage.k8s.io/v1")
	made.SetKind("StorageClass")
	made.SetName(class.Metadata.Name)
	made.SetLabels(class.Metadata.Labels)
	annotations := map[string]string{AnnotationMigratedFrom: inTree}
	for key, value := range class.Metadata.Annotations {
		if key != annotationLastApplied { // it contains Heketi's key
			annotations[key] = value
		}
	}
	made.SetAnnotations(annotations)
	made.Object["provisioner"] = driver
	delete(made.Object, "parameters")
	if len(parameters) > 0 {
		made.Object["parameters"] = toAny(parameters)
	}
	delete(made.Object, "mountOptions")
	if len(options) > 0 {
		made.Object["mountOptions"] = anyList(options)
	}
	return made.Object
}

// annotationLastApplied holds kubectl's copy of the object as it was applied.
const annotationLastApplied = "kubectl.kubernetes.io/last-applied-configuration"
