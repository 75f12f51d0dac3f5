package dashboard

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const grafanasTypes = "github.com/grafana/grafana-foundation-sdk/go/"

// knownValues returns an error for each field that has none of the values that Grafana's schema lists for it. In the SDK, a list
// is the constants of a type, with which neither the decoder nor Validate compares.
func knownValues(t *testing.T, decoded any) error {
	t.Helper()
	lists := map[string]map[string][]string{} // by package and type
	var wrong []error
	var visit func(path string, v reflect.Value)
	visit = func(path string, v reflect.Value) {
		switch v.Kind() { //nolint:exhaustive // values of the other kinds are in no list
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				visit(path, v.Elem())
			}
		case reflect.Struct:
			for field, value := range v.Fields() {
				visit(path+"."+field.Name, value)
			}
		case reflect.Slice:
			for i := range v.Len() {
				visit(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				visit(fmt.Sprintf("%s[%v]", path, key), v.MapIndex(key))
			}
		case reflect.String, reflect.Int64:
			of := v.Type()
			if !strings.HasPrefix(of.PkgPath(), grafanasTypes) {
				return
			}
			if lists[of.PkgPath()] == nil {
				lists[of.PkgPath()] = constantsOf(t, of.PkgPath())
			}
			if list := lists[of.PkgPath()][of.Name()]; list != nil && !slices.Contains(list, fmt.Sprint(v)) {
				wrong = append(wrong, fmt.Errorf("%s: %q is none of %q", path, fmt.Sprint(v), list))
			}
		default:
		}
	}
	visit("dashboard", reflect.ValueOf(decoded))
	return errors.Join(wrong...)
}

// constantsOf returns the values of a package's constants, by their type.
func constantsOf(t *testing.T, path string) map[string][]string {
	t.Helper()
	source, err := build.Import(path, ".", 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]string{}
	for _, name := range source.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(source.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			of, named := spec.Type.(*ast.Ident)
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && named {
				text := literal.Value
				if unquoted, err := strconv.Unquote(text); err == nil {
					text = unquoted
				}
				values[of.Name] = append(values[of.Name], text)
			}
			return true
		})
	}
	return values
}
