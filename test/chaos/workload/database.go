package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", in Go alone: the workload needs nothing but its own file
)

// database is SQLite, with one connection, and so its files open, for the whole run.
type database struct {
	pool *sql.DB
	conn *sql.Conn
}

func openDatabase(dir string) (worker, error) {
	d, err := connect(dir)
	if err == nil {
		err = d.exec("CREATE TABLE IF NOT EXISTS records (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
	}
	return d, err
}

// connect opens a database without changing it.
func connect(dir string) (*database, error) {
	pool, err := sql.Open("sqlite", filepath.Join(dir, "database"))
	if err != nil {
		return nil, err
	}
	conn, err := pool.Conn(context.Background())
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	d := &database{pool, conn}
	return d, errors.Join(d.exec("PRAGMA synchronous = FULL"), d.exec("PRAGMA cache_size = 0"))
}

// sqlLimit is more than any pause: a statement that takes longer has hung.
const sqlLimit = 5 * time.Minute

func (d *database) exec(statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), sqlLimit)
	defer cancel()
	_, err := d.conn.ExecContext(ctx, statement, args...)
	return err
}

func (d *database) write(seq int) error {
	return d.exec("INSERT OR REPLACE INTO records VALUES (?, ?)", seq, record(seq))
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
		return err
	}
	return check(body, seq)
}

// whole has SQLite check the database's structure.
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

func (d *database) close() error { return errors.Join(d.conn.Close(), d.pool.Close()) }
