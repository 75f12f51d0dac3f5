package chart

import (
	"fmt"
	"testing"

	"github.com/google/cel-go/cel"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// policy is a ValidatingAdmissionPolicy that is evaluated here. Like the API server, it evaluates CEL over the JSON of typed
// objects; it lacks the API server's own functions, which the chart's policies do not use.
type policy struct {
	conditions, validations []rule
}

type rule struct {
	program cel.Program
	message string
}

func parsePolicy(t *testing.T, r rendering, name string) policy {
	t.Helper()
	object := only(t, objects(t, r.render(t)), "ValidatingAdmissionPolicy", name)
	var o admissionregistrationv1.ValidatingAdmissionPolicy
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &o); err != nil {
		t.Fatal(err)
	}
	if policy := o.Spec.FailurePolicy; policy == nil || *policy != admissionregistrationv1.Fail {
		t.Errorf("%s: an expression that cannot be evaluated lets the request pass", name)
	}
	var p policy
	for _, condition := range o.Spec.MatchConditions {
		p.conditions = append(p.conditions, rule{compileCEL(t, condition.Expression), condition.Name})
	}
	for _, validation := range o.Spec.Validations {
		p.validations = append(p.validations, rule{compileCEL(t, validation.Expression), validation.Message})
	}
	return p
}

func compileCEL(t *testing.T, expression string) cel.Program {
	t.Helper()
	env, err := cel.NewEnv(cel.HomogeneousAggregateLiterals(), cel.OptionalTypes(),
		cel.Variable("object", cel.DynType), cel.Variable("oldObject", cel.DynType), cel.Variable("request", cel.DynType))
	if err != nil {
		t.Fatal(err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", expression, issues.Err())
	}
	program, err := env.Program(ast)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return program
}

// check returns the message with which the policy refuses a request, or "". The objects may be nil.
func (p policy) check(t *testing.T, request admissionv1.AdmissionRequest, object, oldObject any) string {
	t.Helper()
	input := map[string]any{"request": plain(t, &request), "object": plain(t, object), "oldObject": plain(t, oldObject)}
	for _, condition := range p.conditions {
		if !holds(condition, input) {
			return ""
		}
	}
	for _, validation := range p.validations {
		if !holds(validation, input) {
			return validation.message
		}
	}
	return ""
}

// holds reports whether an expression is true. It is also false if the expression cannot be evaluated, as with failurePolicy
// Fail.
func holds(r rule, input map[string]any) bool {
	value, _, err := r.program.Eval(input)
	return err == nil && value.Value() == true
}

// plain returns an object as the API server's CEL sees it.
func plain(t *testing.T, object any) any {
	t.Helper()
	if object == nil {
		return nil
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

// requestOf returns a request of one of the driver's accounts.
func requestOf(account string, operation admissionv1.Operation) admissionv1.AdmissionRequest {
	request := admissionv1.AdmissionRequest{Operation: operation}
	request.UserInfo.Username = "system:serviceaccount:glusterfs-csi:glusterfs-csi-" + account
	return request
}

// decode reads one object of the Kubernetes API.
func decode[T any](t *testing.T, text string, values ...any) *T {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict(fmt.Appendf(nil, text, values...), object); err != nil {
		t.Fatal(err)
	}
	return object
}
