package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The colours of the plots. Their background is white, because a page that shows them may be dark.
const (
	ink    = "#24292f"
	faint  = "#d0d7de"
	grey   = "#6e7781"
	blue   = "#0969da"
	orange = "#bc4c00"
)

// drawing is an SVG image.
type drawing struct {
	width, height int
	body          strings.Builder
}

func (d *drawing) add(format string, values ...any) { fmt.Fprintf(&d.body, format+"\n", values...) }

func (d *drawing) line(x1, y1, x2, y2 float64, colour, more string) {
	d.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>`, x1, y1, x2, y2, colour, more)
}

// text writes a text whose middle, beginning or end (anchor) is at x.
func (d *drawing) text(x, y float64, anchor, colour, text string) {
	d.add(`<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`, x, y, anchor, colour, html.EscapeString(text))
}

// svg returns the image with a title for screen readers.
func (d *drawing) svg(title string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img">
<title>%s</title>
<rect width="100%%" height="100%%" fill="white"/>
%s</svg>
`, d.width, d.height, d.width, d.height, html.EscapeString(title), d.body.String())
}

// axis is a logarithmic scale between two positions in an image.
type axis struct {
	low, high float64 // powers of ten
	from, to  float64
}

// newAxis returns an axis of whole powers of ten that contains all values.
func newAxis(from, to float64, values []float64) axis {
	a := axis{low: math.Inf(1), high: math.Inf(-1), from: from, to: to}
	for _, v := range values {
		a.low, a.high = min(a.low, math.Floor(math.Log10(v))), max(a.high, math.Ceil(math.Log10(v)))
	}
	if a.high == a.low {
		a.high++
	}
	return a
}

func (a axis) at(value float64) float64 {
	return a.from + (math.Log10(value)-a.low)/(a.high-a.low)*(a.to-a.from)
}

// ticks returns the powers of ten.
func (a axis) ticks() (values []float64) {
	for power := a.low; power <= a.high; power++ {
		values = append(values, math.Pow(10, power))
	}
	return values
}
