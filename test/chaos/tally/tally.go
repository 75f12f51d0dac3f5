// Package tally is what a chaos workload prints about its work: one JSON object on each line.
package tally

import "time"

// Status counts everything since the workload began.
type Status struct {
	Time    time.Time `json:"time"`
	Workers []Worker  `json:"workers"`
	// Done marks the last status, whose Lost has been counted by reading all records again.
	Done bool `json:"done,omitempty"`
}

// Worker counts what one of the ways to use a volume has met.
type Worker struct {
	Name string `json:"name"`
	// Holds reports whether the worker has a file open for the whole run.
	Holds  bool `json:"holds"`
	Writes int  `json:"writes"` // acknowledged by write and fsync: the number of records that must be there
	Reads  int  `json:"reads"`
	Errors int  `json:"errors"`
	// Cut counts calls that failed because the volume's client had ended: with ENOTCONN, or ECONNABORTED when they were in flight.
	Cut int `json:"cut"`
	// Reopened counts how often the worker opened its file again, because the client that it was opened with had been replaced.
	Reopened int `json:"reopened"`
	// Astray counts calls that reached the volume's own directory where another file system is mounted inside the volume.
	Astray int `json:"astray"`
	// Wrong counts reads that returned other bytes than were written.
	Wrong int `json:"wrong"`
	// Beneath counts files that were opened on another file system than that of the volume.
	Beneath int `json:"beneath"`
	// Failing reports whether the last write or read failed.
	Failing bool `json:"failing"`
	// PauseMilliseconds is the longest time that one write or read has taken since the status before.
	PauseMilliseconds int64 `json:"pauseMilliseconds"`
	// OutagesMilliseconds has the outages that have ended since the status before: each from the beginning of the first call that
	// failed to the end of the first write and read, one after the other, that succeeded.
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
