// Package tally defines the output of a chaos workload: one JSON object on each line.
package tally

import "time"

// Status holds the counts since the workload began.
type Status struct {
	Time    time.Time `json:"time"`
	Workers []Worker  `json:"workers"`
	// Done marks the last status, whose Lost was counted by reading all records again.
	Done bool `json:"done,omitempty"`
}

// Worker holds the counts of one way to use a volume.
type Worker struct {
	Name string `json:"name"`
	// Holds reports whether the worker has a file open for the whole run.
	Holds  bool `json:"holds"`
	Writes int  `json:"writes"` // acknowledged by write and fsync: the number of records that must exist
	Reads  int  `json:"reads"`
	Errors int  `json:"errors"`
	// Cut counts calls that failed because the volume's client had ended: with ENOTCONN, or with ECONNABORTED if they were in
	// flight.
	Cut int `json:"cut"`
	// Reopened counts how often the worker opened its file again because the client that served it had been replaced.
	Reopened int `json:"reopened"`
	// Astray counts calls that reached the volume's own directory although another file system should be mounted there.
	Astray int `json:"astray"`
	// Wrong counts reads that returned other bytes than were written.
	Wrong int `json:"wrong"`
	// Beneath counts files that were opened on another file system than the volume's.
	Beneath int `json:"beneath"`
	// Failing reports whether the last write or read failed.
	Failing bool `json:"failing"`
	// PauseMilliseconds is the longest duration of one write or read since the previous status.
	PauseMilliseconds int64 `json:"pauseMilliseconds"`
	// OutagesMilliseconds holds the outages that have ended since the previous status: each from the beginning of the first
	// failed call to the end of the first successful write and read in succession.
	OutagesMilliseconds []int64 `json:"outagesMilliseconds,omitempty"`
	// Lost is the number of acknowledged records that were missing at the end.
	Lost int `json:"lost"`
	// Said holds the last errors.
	Said []string `json:"said,omitempty"`
}

// Sum adds up the counts of all workers. Failing is the number of workers that fail and hold a file.
type Sum struct {
	Writes, Reads, Errors, Wrong, Beneath, Lost int
	Cut, Reopened, Astray                       int
	Failing                                     int
	Pause                                       time.Duration
	Outages                                     []int64 // in milliseconds
}

// Sum adds up the counts of all workers.
func (s Status) Sum() Sum {
	var sum Sum
	for _, w := range s.Workers {
		sum.Writes += w.Writes
		sum.Reads += w.Reads
		sum.Errors += w.Errors
		sum.Wrong += w.Wrong
		sum.Beneath += w.Beneath
		sum.Lost += w.Lost
		sum.Cut += w.Cut
		sum.Reopened += w.Reopened
		sum.Astray += w.Astray
		sum.Outages = append(sum.Outages, w.OutagesMilliseconds...)
		if w.Failing && w.Holds {
			sum.Failing++
		}
		sum.Pause = max(sum.Pause, time.Duration(w.PauseMilliseconds)*time.Millisecond)
	}
	return sum
}
