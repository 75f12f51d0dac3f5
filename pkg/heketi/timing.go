package heketi

import (
	"context"
	"math/rand/v2"
	"time"
)

// Timing says how long to wait for what.
type Timing struct {
	PollMin  time.Duration // first interval between questions for an operation's end
	PollMax  time.Duration // longest such interval
	Exchange time.Duration // one request with its whole answer
	Examine  time.Duration // an examination of gluster, which is one request, too
	Outage   time.Duration // how long an accepted operation's Heketi may be away before its end is unknown
	Throttle time.Duration // how long to go on when Heketi is at its own limit
	Again    time.Duration // between two looks at a volume before something that cannot be repeated
	Late     time.Duration // how long after the driver gave up on a request it may still be carried out
}

// DefaultTiming fits a Heketi in the same network.
func DefaultTiming() Timing {
	return Timing{
		PollMin:  10 * time.Millisecond,
		PollMax:  time.Second,
		Exchange: time.Minute,
		// Five questions to each node, and about two minutes for each of them to a node that is silent behind a router.
		Examine:  15 * time.Minute,
		Outage:   time.Minute,
		Throttle: time.Minute,
		// A Heketi that stood still answers questions and requests in any order when it goes on.
		Again: 200 * time.Millisecond,
		// Heketi refuses a token five minutes after it was made (heketi: client/api/go-client/client.go, setToken), by a clock
		// that may be two minutes behind (heketi: middleware/jwt.go, iatLeeway). The rest is for Throttle and Exchange.
		Late: 10 * time.Minute,
	}
}

// pollInterval grows with the time that the operation already took, so that the end is
// noticed late by about a hundredth of it, whether that takes a moment or an hour.
func (t Timing) pollInterval(elapsed time.Duration) time.Duration {
	return min(max(elapsed/50, t.PollMin), t.PollMax)
}

// jitter spreads callers that were refused together over the interval's second half.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) // #nosec G404 -- nothing secret
}

// sleep returns early, and false, when ctx is done.
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
