package dashboard

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

const file = "../../charts/glusterfs-csi/dashboard.json"

var update = flag.Bool("update", false, "write the chart's dashboard.json instead of comparing with it")

// The chart contains the dashboard that this package generates.
func TestTheChartHasTheDashboard(t *testing.T) {
	want, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("dashboard.json is not what this package makes (make chart-dashboard writes it):\n%s", diff)
	}
}

// Grafana's own types have each field of the dashboard, and accept the values.
func TestDashboardMatchesGrafanasSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := strict(content)
	if err != nil {
		t.Error(err)
	}
	if err := errors.Join(d.Validate(), knownValues(t, d)); err != nil {
		t.Error(err)
	}
	if strings.Contains(string(content), `"showLegend": false`) {
		t.Error("a graph has no legend")
	}
}

// The test above sees mistakes in each part of the dashboard.
func TestMistakesDoNotMatchGrafanasSchema(t *testing.T) {
	plugins.RegisterDefaultPlugins()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]struct{ right, wrong string }{
		"a field of the dashboard":   {`"refresh":`, `"refrehs":`},
		"a field of a panel":         {`"gridPos":`, `"gridPosition":`},
		"a field of a query":         {`"expr":`, `"expression":`},
		"a field of a panel's type":  {`"graphMode":`, `"graphModes":`},
		"a field of a graph's lines": {`"fillOpacity":`, `"fillOpaque":`},
		"a field of a variable":      {`"includeAll":`, `"includesAll":`},
		"a text for a number":        {`"fillOpacity": 10`, `"fillOpacity": "10"`},
		"a mode that does not exist": {`"mode": "absolute"`, `"mode": "absolut"`},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := strings.Replace(string(content), change.right, change.wrong, 1)
			if wrong == string(content) {
				t.Fatalf("the dashboard has no %s", change.right)
			}
			d, err := strict([]byte(wrong))
			if errors.Join(err, d.Validate(), knownValues(t, d)) == nil {
				t.Errorf("%s is accepted", change.wrong)
			}
		})
	}
}

// strict decodes a dashboard, and returns an error for a field that Grafana does not have. The strict decoder returns an empty list
// of errors as a non-nil error, and drops all values for which it does so, such as panels. Therefore the usual decoder decodes.
func strict(content []byte) (d dashboard.Dashboard, err error) { //nolint:staticcheck // the classic model: see JSON
	checked := d
	err = checked.UnmarshalJSONStrict(content)
	if list, ok := errors.AsType[cog.BuildErrors](err); ok && len(list) == 0 {
		err = nil
	}
	return d, errors.Join(err, json.Unmarshal(content, &d))
}

// Panels do not overlap, have unique titles within their row, and have a query.
func TestPanels(t *testing.T) {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Type    string `json:"type"`
			Title   string `json:"title"`
			GridPos struct {
				X int `json:"x"`
				Y int `json:"y"`
				W int `json:"w"`
				H int `json:"h"`
			} `json:"gridPos"`
			Targets []json.RawMessage `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("panel %+v has no title or asks nothing", p)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Errorf("%q lies on %q at %d, %d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	if len(taken) == 0 {
		t.Error("there are no panels")
	}
}
