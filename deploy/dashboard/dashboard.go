// Package dashboard generates the driver's Grafana dashboard, charts/glusterfs-csi/dashboard.json. It is not linked into the
// driver.
package dashboard

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// JSON returns the dashboard in Grafana's format.
func JSON() ([]byte, error) {
	// The SDK prefers dashboardv2, which only new versions of Grafana load. Grafana's sidecar makes a file of the ConfigMap, and every
	// version of Grafana loads the classic model from a file.
	//nolint:staticcheck // the classic model, as said above
	builder := dashboard.NewDashboardBuilder("GlusterFS CSI").
		Uid("glusterfs-csi").
		Description("The driver's calls, Heketi, and GlusterFS clients on nodes. docs/metrics.md explains the metrics, docs/alerts.md what to do.").
		Tags([]string{"glusterfs", "csi", "storage"}).
		Readonly().
		Refresh("1m").
		Time("now-6h", "now").
		Timezone("browser").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")).
		WithVariable(variable("namespace", "Namespace", "label_values(glusterfs_csi_node_leftovers, namespace)")).
		WithVariable(variable("node", "Node plugin", `label_values(glusterfs_csi_node_leftovers{namespace="$namespace"}, pod)`).
			Multi(true).IncludeAll(true).AllValue(".+"))
	for _, r := range rows() {
		builder = builder.WithRow(dashboard.NewRowBuilder(r.title))
		for _, p := range r.panels {
			builder = builder.WithPanel(p.builder())
		}
	}
	built, err := builder.Build()
	if err != nil {
		return nil, fmt.Errorf("the dashboard is incomplete: %w", err)
	}
	text, err := json.MarshalIndent(built, "", "  ")
	return append(text, '\n'), err
}

func variable(name, label, query string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source()).
		Query(dashboard.StringOrMap{String: &query}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
}

func source() common.DataSourceRef {
	return common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}
}

// Widths of panels; Grafana's grid is 24 wide.
const (
	statWidth, statHeight   = 4, 4
	graphWidth, graphHeight = 8, 8
)

func (p panel) builder() cog.Builder[dashboard.Panel] {
	if p.single {
		return p.stat()
	}
	builder := timeseries.NewPanelBuilder().Title(p.title).Description(p.description).Datasource(source()).Unit(p.unit).Min(0).
		Span(graphWidth).Height(graphHeight).FillOpacity(10).ShowPoints(common.VisibilityModeNever).
		// The SDK writes its zero values for these: no legend, and a tooltip of no mode.
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	for i, q := range p.queries {
		builder = builder.WithTarget(q.builder(i))
	}
	return builder
}

// stat shows the last value, coloured by its threshold.
func (p panel) stat() cog.Builder[dashboard.Panel] {
	steps := []dashboard.Threshold{{Color: "green"}}
	if p.badFrom > 0 {
		steps = append(steps, dashboard.Threshold{Value: new(p.badFrom), Color: "red"})
	}
	builder := stat.NewPanelBuilder().Title(p.title).Description(p.description).Datasource(source()).Unit(p.unit).NoValue("none").
		Span(statWidth).Height(statHeight).
		Orientation(common.VizOrientationAuto).ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})).
		Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps))
	for i, q := range p.queries {
		builder = builder.WithTarget(q.builder(i).Instant())
	}
	return builder
}

func (q query) builder(number int) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Datasource(source()).RefId(string(rune('A' + number))).LegendFormat(q.legend).
		Expr(strings.NewReplacer("CONTROLLER", ofController, "NODE", ofNode).Replace(q.expr))
}

// The driver's series, with the labels that the Prometheus operator adds.
const (
	ofController = `namespace="$namespace",container="glusterfs-csi",pod=~".+-controller-0"`
	ofNode       = `namespace="$namespace",container="glusterfs-csi",pod=~"$node"`
)
