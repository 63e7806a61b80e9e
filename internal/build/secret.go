package build

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/casement/casement/internal/run/winsh"
)

// Secret says where the value of a secret comes from: a file, or an
// environment variable.
type Secret struct {
	File, Env string
}

// maxSecret bounds a secret, as BuildKit does.
const maxSecret = 500 << 10

// ParseSecret reads a value of --secret as docker buildx has it:
// "id=ID[,src=FILE|,env=NAME][,type=file|env]". Without a source, it is the
// environment variable of that name if lookupenv has one, else the file of that
// name.
func ParseSecret(s string, lookupenv func(string) (string, bool)) (id string, secret Secret, err error) {
	const hint = secretHint
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return "", Secret{}, &UsageError{fmt.Sprintf("secret %q cannot be read: %v", s, err), hint}
	}
	kind, src := "", ""
	for _, f := range fields {
		key, value, ok := strings.Cut(f, "=")
		switch key = strings.ToLower(strings.TrimSpace(key)); {
		case !ok || value == "":
			return "", Secret{}, &UsageError{fmt.Sprintf("secret %q: %q is not NAME=VALUE", s, f), hint}
		case key == "id":
			id = value
		case key == "type" && (value == "file" || value == "env"):
			kind = value
		case key == "src" || key == "source":
			src = value
		case key == "env":
			secret.Env = value
		default:
			return "", Secret{}, &UsageError{fmt.Sprintf("secret %q: %q is not known", s, f), hint}
		}
	}
	switch {
	case id == "":
		return "", Secret{}, &UsageError{fmt.Sprintf("secret %q has no id", s), hint}
	case secret.Env != "" && src != "":
		return "", Secret{}, &UsageError{fmt.Sprintf("secret %s has a file and a variable", id), hint}
	case secret.Env != "":
	case kind == "env":
		secret.Env = src
		if src == "" {
			secret.Env = id
		}
	case src != "":
		secret.File = src
	default:
		if _, ok := lookupenv(id); ok && kind == "" {
			secret.Env = id
		} else {
			secret.File = id
		}
	}
	return id, secret, nil
}

// check finds a file that could not be read before the build begins, be the
// secret used or not.
func (s Secret) check(id string) error {
	if s.Env != "" {
		return nil
	}
	fi, err := os.Stat(s.File)
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	switch {
	case err != nil:
	case !fi.Mode().IsRegular() && fi.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) == 0:
		err = errors.New("it is no file")
	case fi.Size() > maxSecret:
		err = fmt.Errorf("it has more than %d bytes", maxSecret)
	default:
		return nil
	}
	return &UsageError{fmt.Sprintf("secret %s: %s: %v", id, s.File, err), secretHint}
}

const secretHint = "for example --secret id=token,src=token.txt or --secret id=token,env=TOKEN"

// read returns the value; ok is false if a variable is not set.
func (s Secret) read(getenv func(string) string) (value []byte, ok bool, err error) {
	if s.Env != "" {
		if getenv == nil {
			return nil, false, nil
		}
		v := getenv(s.Env)
		return []byte(v), v != "", nil
	}
	f, err := os.Open(s.File)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	value, err = io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(value) > maxSecret {
		err = fmt.Errorf("%s is larger than %d bytes", s.File, maxSecret)
	}
	return value, err == nil, err
}

// inProcessName is what people call the runner of [inProcess].
const inProcessName = "in process"

// inProcess is the runner of Windows stages that needs no Windows.
func inProcess(req Request, t Tools) *winsh.Runner {
	return winsh.New(winsh.Options{
		Store: t.Store, Transport: t.Transport, Registry: req.Registry, Version: t.Version, NoCache: req.NoCache,
		Secrets: func(_ context.Context, id string) ([]byte, bool, error) {
			s, ok := req.Secrets[id]
			if !ok {
				return nil, false, nil
			}
			return s.read(req.Getenv)
		},
	})
}
