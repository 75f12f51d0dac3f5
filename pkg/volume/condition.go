package volume

// Severity is how bad a condition is.
type Severity int

// The severities. Nothing here ever concludes that data is lost.
const (
	Degraded     Severity = iota + 1 // usable, with less redundancy than it should have
	Inaccessible                     // some or all of its files cannot be used
)

// Condition is one thing that is wrong with a volume.
type Condition struct {
	Severity Severity
	Reason   string // CamelCase, for machines; a volume has each pair of severity and reason once
	Message  string // what is meant exactly, and what to do
}

// Health is what is known to be wrong with a volume. No conditions: nothing is known, which is not a proof that all
// is well.
type Health struct {
	Handle     Handle
	Conditions []Condition
}

// ReasonBricksDown is the reason that both the servers' and a client's view of a volume can have.
const ReasonBricksDown = "BricksDown"
