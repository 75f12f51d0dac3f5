package mount

// Health is what the volume's client knows of its bricks, and how it answers.
type Health struct {
	Ended  bool     // the client is gone; nothing else is known
	Hung   bool     // it does not even answer for itself; nothing else is known
	Bricks int      // how many the volume has; 0: the client could not be asked
	Down   []string // host:/path of those that the client has no connection to
	Lost   bool     // so many of one set that files cannot be used
	Root   error    // why the root directory cannot be read; nil: it can. ErrTimeout: no answer
}
