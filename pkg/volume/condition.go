package volume

// Severity is the severity of a condition.
type Severity int

// The severities. None of them means that data is lost.
const (
	Degraded     Severity = iota + 1 // usable, with less redundancy than it should have
	Inaccessible                     // some or all of its files cannot be used
)

// Condition is one problem of a volume.
type Condition struct {
	Severity Severity
	Reason   string // CamelCase, for programs; each pair of severity and reason occurs once per volume
	Message  string // the details, and what to do
}

// Health holds the known problems of a volume. No conditions means that no problem is known, which does not prove that there is
// none.
type Health struct {
	Handle     Handle
	Conditions []Condition
}

// ReasonBricksDown is the only reason that both the servers and a client can report.
const ReasonBricksDown = "BricksDown"
