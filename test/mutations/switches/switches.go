// Package switches turns one mutant on, which an environment variable names, and records which mutants a run reaches. The command
// mutations compiles all mutants into each test binary, each behind a call of this package, so that a mutant costs no build, only
// a run of the tests that reach it.
package switches

import (
	"cmp"
	"os"
	"strconv"
	"syscall"
)

// The environment variables of a run.
const (
	// On is the variable with the number of the mutant that is on; without it, none is on.
	On = "MUTANT_ON"
	// Reached is the variable with the path of a file with one byte for each mutant. Reaching a mutant sets its byte, even in
	// child processes and in processes that are killed.
	Reached = "MUTANT_REACHED"
)

//nolint:gochecknoglobals // read by code in every package, before any of it runs
var (
	on      = number(os.Getenv(On))
	reached = mapped(os.Getenv(Reached))
)

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// mapped returns the content of a file, shared with all processes that map it. If the file does not exist, nothing is recorded: a
// child process may see another file system.
func mapped(path string) []byte {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	shared, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil
	}
	return shared
}

// Is reports whether mutant id is on.
func Is(id int) bool {
	if id < len(reached) {
		reached[id] = 1
	}
	return id == on
}

// Less is x < y; the mutant is x <= y. The mutants of Less, AtMost, More, AtLeast, Plus, Minus and Failure count as reached only if
// they give another result. Those of Times, By and One count as reached at each call.
func Less[T cmp.Ordered](id int, x, y T) bool { return x < y || x == y && Is(id) }

// AtMost is x <= y; the mutant is x < y.
func AtMost[T cmp.Ordered](id int, x, y T) bool { return x < y || x == y && !Is(id) }

// More is x > y; the mutant is x >= y.
func More[T cmp.Ordered](id int, x, y T) bool { return x > y || x == y && Is(id) }

// AtLeast is x >= y; the mutant is x > y.
func AtLeast[T cmp.Ordered](id int, x, y T) bool { return x > y || x == y && !Is(id) }

// Number is a type with arithmetic.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64
}

// Plus is x + y; the mutant is x - y.
func Plus[T Number](id int, x, y T) T {
	if y != 0 && Is(id) {
		return x - y
	}
	return x + y
}

// Minus is x - y; the mutant is x + y.
func Minus[T Number](id int, x, y T) T {
	if y != 0 && Is(id) {
		return x + y
	}
	return x - y
}

// Times is x * y; the mutant is x / y.
func Times[T Number](id int, x, y T) T {
	if Is(id) {
		return x / y
	}
	return x * y
}

// By is x / y; the mutant is x * y.
func By[T Number](id int, x, y T) T {
	if Is(id) {
		return x * y
	}
	return x / y
}

// One is 0; the mutant is 1.
func One[T Number](id int) T {
	if Is(id) {
		return 1
	}
	return 0
}

// Failure is err; the mutant is nil.
func Failure(id int, err error) error {
	if err != nil && Is(id) {
		return nil
	}
	return err
}
