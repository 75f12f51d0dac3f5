package mount

// Health is the state of a volume's client and of its bricks as the client reports it.
type Health struct {
	Ended  bool     // the client has ended; the other fields are not set
	Hung   bool     // the client does not answer even requests that need no brick; the other fields are not set
	Bricks int      // number of bricks; 0 if the client could not be asked
	Down   []string // host:/path of the bricks to which the client has no connection
	Lost   bool     // so many bricks of one set are down that files cannot be used
	Root   error    // why the root directory cannot be read (ErrTimeout: no answer); nil if it can be read
}
