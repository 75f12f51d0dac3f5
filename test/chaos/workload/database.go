package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver "sqlite", in pure Go: the workload needs no file but its own
)

// database is a SQLite database with one connection, so that its files are open for the whole run.
type database struct {
	pool *sql.DB
	conn *sql.Conn
	dir  *os.File // shows whether the client that served the opening of the database still runs
}

func openDatabase(dir string) (worker, error) {
	d, err := connect(dir)
	if err != nil {
		return nil, err
	}
	return d, d.exec("CREATE TABLE IF NOT EXISTS records (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
}

// connect opens a database without changing it.
func connect(dir string) (*database, error) {
	held, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("sqlite", filepath.Join(dir, "database"))
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	d := &database{pool: pool, dir: held}
	if d.conn, err = pool.Conn(context.Background()); err != nil {
		return nil, errors.Join(d.cause(err), pool.Close(), held.Close())
	}
	// busy_timeout: the bricks release the locks of an ended client only after a moment.
	for _, setting := range []string{"busy_timeout = 10000", "synchronous = FULL", "cache_size = 0"} {
		if err := d.exec("PRAGMA " + setting); err != nil {
			return nil, errors.Join(d.cause(err), d.close())
		}
	}
	return d, nil
}

// sqlLimit is longer than any pause: a statement that takes longer has hung.
const sqlLimit = 5 * time.Minute

func (d *database) exec(statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), sqlLimit)
	defer cancel()
	_, err := d.conn.ExecContext(ctx, statement, args...)
	return err
}

func (d *database) write(seq int) error {
	return d.cause(d.exec("INSERT OR REPLACE INTO records VALUES (?, ?)", seq, record(seq)))
}

func (d *database) read(seq, _ int) error {
	var body []byte
	ctx, cancel := context.WithTimeout(context.Background(), sqlLimit)
	defer cancel()
	err := d.conn.QueryRowContext(ctx, "SELECT body FROM records WHERE seq = ?", seq).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("record %d is not in the database: %w", seq, errWrong)
	}
	if err != nil {
		return d.cause(err)
	}
	return check(body, seq)
}

// cause adds the error of the volume's client if it has ended: SQLite reports only an I/O error.
func (d *database) cause(err error) error {
	if err == nil {
		return nil
	}
	var stat unix.Statx_t
	if ended := unix.Statx(int(d.dir.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_STATX_FORCE_SYNC, unix.STATX_BASIC_STATS, &stat); ended != nil {
		return fmt.Errorf("%w: %w", err, ended)
	}
	return err
}

func (d *database) replaced() bool { return replaced(d.dir, d.dir.Name()) }

func (d *database) reopen() error {
	again, err := connect(d.dir.Name())
	if err == nil {
		_ = d.close() // fails if its client has ended
		*d = *again
	}
	return err
}

// whole makes SQLite check the database's structure.
func (d *database) whole() error {
	var answer string
	if err := d.conn.QueryRowContext(context.Background(), "PRAGMA integrity_check").Scan(&answer); err != nil {
		return err
	}
	if answer != "ok" {
		return fmt.Errorf("integrity_check: %s: %w", answer, errWrong)
	}
	return nil
}

func (d *database) close() error { return errors.Join(d.conn.Close(), d.pool.Close(), d.dir.Close()) }
