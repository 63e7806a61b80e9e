package solve

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
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
	if p.folds {
		if err := checkAccount(owner.User); err != nil {
			return err
		}
		p.owner = &owner
		return nil
	}
	if d.dest.base.OS == "" && (named(o.User) || named(o.Group)) {
		p.owner = &owner // what the tree is put on decides
		return nil
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

func named(u *llb.UserOpt) bool { return u != nil && u.Name != "" }

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

// user returns the numbers of a user and of its group.
func (d *doer) user(ctx context.Context, u *llb.UserOpt) (uid, gid int, err error) {
	if u == nil {
		return 0, 0, nil
	}
	if u.Name == "" {
		return int(u.ID), int(u.ID), nil
	}
	if n, err := strconv.Atoi(u.Name); err == nil {
		return n, n, nil
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
	if g.Name == "" {
		return int(g.ID), nil
	}
	if n, err := strconv.Atoi(g.Name); err == nil {
		return n, nil
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
		return nil, fmt.Errorf("looking up %s: the image has no /%s; use a number", u.Name, file)
	}
	if err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		if fields := strings.Split(lines.Text(), ":"); fields[0] == u.Name {
			return fields, nil
		}
	}
	return nil, fmt.Errorf("looking up %s: /%s of the image does not name it", u.Name, file)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
