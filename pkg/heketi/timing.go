package heketi

import (
	"context"
	"math/rand/v2"
	"time"
)

// Timing holds the timeouts and intervals of a client.
type Timing struct {
	PollMin  time.Duration // first interval between polls of an operation
	PollMax  time.Duration // longest such interval
	Exchange time.Duration // limit of one request with its whole answer
	Examine  time.Duration // limit of an examination of gluster, which is also one request
	Outage   time.Duration // how long Heketi may be unreachable before the outcome of an accepted operation is unknown
	Throttle time.Duration // how long to repeat a request when Heketi is at its own limit
	Again    time.Duration // pause between two reads of a volume before a request that must not be repeated
	Late     time.Duration // how long a request may still be carried out after the driver gave up on it
}

// DefaultTiming returns values for a Heketi in the same network.
func DefaultTiming() Timing {
	return Timing{
		PollMin:  10 * time.Millisecond,
		PollMax:  time.Second,
		Exchange: time.Minute,
		// Five queries to each node, each of which takes about two minutes for a node that is silent behind a router.
		Examine:  15 * time.Minute,
		Outage:   time.Minute,
		Throttle: time.Minute,
		// A Heketi that was suspended answers queries and requests in any order when it resumes.
		Again: 200 * time.Millisecond,
		// Heketi refuses a token five minutes after it was made (heketi: client/api/go-client/client.go, setToken), and its clock may
		// be two minutes behind (heketi: middleware/jwt.go, iatLeeway). The rest allows for Throttle and Exchange.
		Late: 10 * time.Minute,
	}
}

// pollInterval grows with the elapsed time, so that the end of an operation is noticed with a delay of about a hundredth of the
// operation's duration.
func (t Timing) pollInterval(elapsed time.Duration) time.Duration {
	return min(max(elapsed/50, t.PollMin), t.PollMax)
}

// jitter spreads callers that were refused at the same time over the second half of the interval.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) // #nosec G404 -- nothing secret
}

// sleep waits for d and returns true, or returns false as soon as ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
