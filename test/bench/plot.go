package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// plots draws the figures in a JSON file of writeJSON, as SVG images beside it.
func plots(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var rows []row
	if err := json.Unmarshal(data, &rows); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for suffix, image := range draw(rows) {
		err = errors.Join(err, os.WriteFile(strings.TrimSuffix(path, ".json")+suffix, []byte(image), 0o644))
	}
	return err
}

// draw returns images, by the suffix of their file's name.
func draw(rows []row) map[string]string {
	images := map[string]string{}
	if image := ratioPlot(rows); image != "" {
		images["-ratios.svg"] = image
	}
	if image := volumesPlot(rows); image != "" {
		images["-volumes.svg"] = image
	}
	return images
}

// ratioPlot returns an image with a line for each row: the median of its ratios, their range and the goal. It returns "" if there
// are no rows.
func ratioPlot(rows []row) string {
	const left, right, top, step = 300.0, 830.0, 50.0, 20.0
	rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.Ratio <= 0 })
	if len(rows) == 0 {
		return ""
	}
	values := []float64{0.1, 10}
	for _, r := range rows {
		values = append(values, r.Ratio)
		if r.Ratios.Min > 0 {
			values = append(values, r.Ratios.Min, r.Ratios.Max)
		}
	}
	x := newAxis(left, right, values)
	d := &drawing{width: 900, height: int(top + step*float64(len(rows)) + 45)}
	bottom := top + step*float64(len(rows))
	for _, tick := range x.ticks() {
		d.line(x.at(tick), top-8, x.at(tick), bottom, faint, "")
		d.text(x.at(tick), top-14, "middle", grey, strconv.FormatFloat(tick, 'g', -1, 64))
	}
	d.line(x.at(1), top-8, x.at(1), bottom, ink, ` stroke-width="1.5"`)
	d.text(left, 18, "start", ink, "less than the baseline")
	d.text(right, 18, "end", ink, "more than the baseline")
	for i, r := range rows {
		y := top + step*(float64(i)+0.5)
		d.text(left-12, y+4, "end", ink, r.Name)
		d.text(890, y+4, "end", grey, strconv.FormatFloat(r.Ratio, 'g', 3, 64))
		d.ratio(x, y, r)
	}
	d.text(left, bottom+24, "start", grey, "dot: median; bar: range; short line: goal; orange: goal missed; grey: no goal")
	return d.svg("Ratios to the baselines, on a logarithmic scale")
}

func (d *drawing) ratio(x axis, y float64, r row) {
	colour := grey
	switch r.Met {
	case "yes":
		colour = blue
	case "no":
		colour = orange
	}
	if limit := r.limit(); limit > 0 {
		d.line(x.at(limit), y-7, x.at(limit), y+7, grey, ` stroke-width="2"`)
	}
	if r.Ratios.Min > 0 {
		d.line(x.at(r.Ratios.Min), y, x.at(r.Ratios.Max), y, colour, ` stroke-width="4" stroke-opacity="0.4"`)
	}
	d.add(`<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`, x.at(r.Ratio), y, colour)
}

// limit returns the largest ratio that meets the goal, or 0 if there is no goal.
func (r row) limit() float64 {
	text, found := strings.CutPrefix(r.Goal, "<= ")
	if !found {
		_, text, _ = strings.Cut(r.Goal, "-")
	}
	limit, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return limit
}

// curve describes how a cost grows with the number of volumes.
type curve struct {
	name           string
	volumes        []float64
	ours, baseline []float64
}

// curves returns the rows in seconds that were measured with several numbers of volumes, grouped by what was measured.
func curves(rows []row) (found []curve) {
	measuredAt := regexp.MustCompile(`^([a-z]+)-at-([0-9]+)$`)
	for _, r := range rows {
		match := measuredAt.FindStringSubmatch(r.Name)
		if match == nil || r.Unit != "s" {
			continue
		}
		volumes, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			continue
		}
		i := slices.IndexFunc(found, func(c curve) bool { return c.name == match[1] })
		if i < 0 {
			i, found = len(found), append(found, curve{name: match[1]})
		}
		c := &found[i]
		c.volumes, c.ours, c.baseline = append(c.volumes, volumes), append(c.ours, r.Ours.Median), append(c.baseline, r.Baseline.Median)
	}
	return slices.DeleteFunc(found, func(c curve) bool { return len(c.volumes) < 2 })
}

// volumesPlot returns an image with a panel for each curve, all with the same scales. It returns "" if there are no curves.
func volumesPlot(rows []row) string {
	const width, left, top, bottom = 290.0, 60.0, 40.0, 300.0
	all := curves(rows)
	if len(all) == 0 {
		return ""
	}
	var volumes, seconds []float64
	for _, c := range all {
		volumes, seconds = append(volumes, c.volumes...), slices.Concat(seconds, c.ours, c.baseline)
	}
	d := &drawing{width: int(left + width*float64(len(all))), height: 360}
	y := newAxis(bottom, top, seconds)
	for _, tick := range y.ticks() {
		d.text(left-8, y.at(tick)+4, "end", grey, strconv.FormatFloat(tick, 'g', -1, 64)+" s")
	}
	for i, c := range all {
		from := left + width*float64(i)
		d.panel(c, newAxis(from, from+width-50, volumes), y)
	}
	d.text(left, 348, "start", grey, "solid: glusterfs-csi; dashed: baseline; number of volumes and seconds on logarithmic scales")
	return d.svg("Time of a call over the number of volumes")
}

func (d *drawing) panel(c curve, x, y axis) {
	d.text((x.from+x.to)/2, 22, "middle", ink, c.name)
	for _, tick := range y.ticks() {
		d.line(x.from, y.at(tick), x.to, y.at(tick), faint, "")
	}
	for _, tick := range x.ticks() {
		d.line(x.at(tick), y.from, x.at(tick), y.to, faint, "")
		d.text(x.at(tick), y.from+18, "middle", grey, strconv.FormatFloat(tick, 'f', -1, 64))
	}
	d.path(x, y, c.volumes, c.baseline, grey, ` stroke-dasharray="6 4"`)
	d.path(x, y, c.volumes, c.ours, blue, "")
}

func (d *drawing) path(x, y axis, across, up []float64, colour, more string) {
	points := make([]string, len(across))
	for i := range across {
		points[i] = fmt.Sprintf("%.1f,%.1f", x.at(across[i]), y.at(up[i]))
		d.add(`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`, x.at(across[i]), y.at(up[i]), colour)
	}
	d.add(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"%s/>`, strings.Join(points, " "), colour, more)
}
