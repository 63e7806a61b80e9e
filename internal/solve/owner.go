package solve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// maxPasswd bounds /etc/passwd and /etc/group.
const maxPasswd = 4 << 20

// chown sets the owner that an action asks for. Windows accounts stay names,
// which the layer's writer turns into SIDs; Linux names are looked up in the
// accounts of the image now.
func (d *doer) chown(ctx context.Context, p *place, o *llb.ChownOpt) error {
	if o == nil || o.User == nil && o.Group == nil {
		return nil
	}
	owner := tree.Owner{User: account(o.User), Group: account(o.Group)}
	if p.system == "windows" {
		for _, name := range []string{owner.User, owner.Group} {
			if name == "" {
				continue
			}
			if _, err := winmeta.LookupAccount(name); err != nil {
				return err
			}
		}
		p.owner = &owner
		return nil
	}
	if p.system == "" {
		p.owner = &owner // what the tree is put on decides
		if named(o.User) || named(o.Group) {
			return nil
		}
	}
	u := &tree.Unix{}
	var err error
	if u.UID, u.GID, err = d.user(ctx, o.User); err != nil {
		return err
	}
	if o.Group != nil {
		if u.GID, err = d.groupID(ctx, o.Group); err != nil {
			return err
		}
	}
	p.unix = u
	return nil
}

// named reports whether an account has a name that is not a number.
func named(u *llb.UserOpt) bool {
	if u == nil || u.Name == "" {
		return false
	}
	_, err := strconv.ParseUint(u.Name, 10, 31)
	return err != nil
}

// account returns the account as text.
func account(u *llb.UserOpt) string {
	switch {
	case u == nil:
		return ""
	case u.Name != "":
		return u.Name
	}
	return strconv.FormatUint(uint64(u.ID), 10)
}

// number returns the number of an account that has no name.
func number(u *llb.UserOpt) (int, error) { return strconv.Atoi(account(u)) }

// user returns the numbers of a user and of its group.
func (d *doer) user(ctx context.Context, u *llb.UserOpt) (uid, gid int, err error) {
	if u == nil {
		return 0, 0, nil
	}
	if !named(u) {
		n, err := number(u)
		return n, n, err
	}
	fields, err := d.account(ctx, u, "etc/passwd")
	if err != nil {
		return 0, 0, err
	}
	if len(fields) < 4 {
		return 0, 0, fmt.Errorf("looking up user %s: its line in /etc/passwd is cut", u.Name)
	}
	uid, errU := strconv.Atoi(fields[2])
	gid, errG := strconv.Atoi(fields[3])
	return uid, gid, errors.Join(errU, errG)
}

func (d *doer) groupID(ctx context.Context, g *llb.UserOpt) (int, error) {
	if !named(g) {
		return number(g)
	}
	fields, err := d.account(ctx, g, "etc/group")
	if err != nil {
		return 0, err
	}
	if len(fields) < 3 {
		return 0, fmt.Errorf("looking up group %s: its line in /etc/group is cut", g.Name)
	}
	return strconv.Atoi(fields[2])
}

// account returns the fields of the line of an account file that begins with
// the account's name.
func (d *doer) account(ctx context.Context, u *llb.UserOpt, file string) ([]string, error) {
	b, err := tree.ReadFile(ctx, d.get(u.Input).chain().View(), file, maxPasswd)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &hintError{fmt.Errorf("looking up %s: the image has no /%s", u.Name, file), "use a number"}
	}
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", u.Name, err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); fields[0] == u.Name {
			return fields, nil
		}
	}
	return nil, &hintError{fmt.Errorf("looking up %s: /%s of the image does not name it", u.Name, file), "use a number, or a name that the image has"}
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
