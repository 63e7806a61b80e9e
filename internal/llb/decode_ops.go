package llb

import (
	"fmt"
	"slices"

	"github.com/moby/buildkit/solver/pb"
)

func decodeFile(f *pb.FileOp) (*File, error) {
	out := &File{}
	for k, a := range f.GetActions() {
		if a == nil {
			return nil, fmt.Errorf("action %d is missing", k)
		}
		i, err := indexes(a.Input, a.SecondaryInput, a.Output)
		if err != nil {
			return nil, fmt.Errorf("action %d: %w", k, err)
		}
		act := Action{Input: i[0], SecondaryInput: i[1], Output: i[2]}
		if act.Do, err = decodeAction(a); err != nil {
			return nil, fmt.Errorf("action %d: %w", k, err)
		}
		if _, ok := act.Do.(*Copy); !ok {
			// Makers may leave the field 0, which would name an input.
			act.SecondaryInput = Scratch
		}
		out.Actions = append(out.Actions, act)
	}
	return out, nil
}

func decodeAction(a *pb.FileAction) (FileAction, error) {
	switch a := a.Action.(type) {
	case *pb.FileAction_Copy:
		return decodeCopy(a.Copy)
	case *pb.FileAction_Mkfile:
		m := a.Mkfile
		o, err := decodeOwner(m.GetOwner())
		return &Mkfile{
			Path: m.GetPath(), Mode: int(m.GetMode()), Data: slices.Clone(m.GetData()),
			Owner: o, Timestamp: m.GetTimestamp(),
		}, err
	case *pb.FileAction_Mkdir:
		m := a.Mkdir
		o, err := decodeOwner(m.GetOwner())
		return &Mkdir{
			Path: m.GetPath(), Mode: int(m.GetMode()), MakeParents: m.GetMakeParents(),
			Owner: o, Timestamp: m.GetTimestamp(),
		}, err
	case *pb.FileAction_Rm:
		return &Remove{
			Path: a.Rm.GetPath(), AllowNotFound: a.Rm.GetAllowNotFound(), AllowWildcard: a.Rm.GetAllowWildcard(),
		}, nil
	case *pb.FileAction_Symlink:
		s := a.Symlink
		o, err := decodeOwner(s.GetOwner())
		return &Link{
			// What the protobuf calls the new path is the link.
			Path: s.GetNewpath(), Target: s.GetOldpath(), Owner: o, Timestamp: s.GetTimestamp(),
		}, err
	}
	return nil, fmt.Errorf("unknown file action %T", a.Action)
}

func decodeCopy(c *pb.FileActionCopy) (*Copy, error) {
	o, err := decodeOwner(c.GetOwner())
	return &Copy{
		Src: c.GetSrc(), Dest: c.GetDest(),
		Owner: o, Mode: int(c.GetMode()), ModeStr: c.GetModeStr(),
		FollowSymlink:      c.GetFollowSymlink(),
		DirCopyContents:    c.GetDirCopyContents(),
		Unpack:             c.GetAttemptUnpackDockerCompatibility(),
		CreateDestPath:     c.GetCreateDestPath(),
		AllowWildcard:      c.GetAllowWildcard(),
		AllowEmptyWildcard: c.GetAllowEmptyWildcard(),
		ReplaceExisting:    c.GetAlwaysReplaceExistingDestPaths(),
		Timestamp:          c.GetTimestamp(),
		IncludePatterns:    slices.Clone(c.GetIncludePatterns()),
		ExcludePatterns:    slices.Clone(c.GetExcludePatterns()),
		RequiredPaths:      slices.Clone(c.GetRequiredPaths()),
	}, err
}

func decodeOwner(o *pb.ChownOpt) (*ChownOpt, error) {
	if o == nil {
		return nil, nil
	}
	u, err := decodeUser(o.User)
	if err != nil {
		return nil, fmt.Errorf("owner: %w", err)
	}
	g, err := decodeUser(o.Group)
	if err != nil {
		return nil, fmt.Errorf("owning group: %w", err)
	}
	if u == nil && g == nil {
		return nil, nil
	}
	return &ChownOpt{User: u, Group: g}, nil
}

func decodeUser(u *pb.UserOpt) (*UserOpt, error) {
	switch u := u.GetUser().(type) {
	case *pb.UserOpt_ByName:
		i, err := index(u.ByName.GetInput())
		if err == nil && u.ByName.GetName() == "" {
			err = fmt.Errorf("empty name")
		}
		return &UserOpt{Name: u.ByName.GetName(), Input: i}, err
	case *pb.UserOpt_ByID:
		return &UserOpt{ID: u.ByID, Input: Scratch}, nil
	}
	return nil, nil
}

func decodeExec(e *pb.ExecOp, p *pb.Platform) (*Exec, error) {
	m := e.GetMeta()
	out := &Exec{
		Args: slices.Clone(m.GetArgs()), Env: slices.Clone(m.GetEnv()),
		Cwd: m.GetCwd(), User: m.GetUser(), Hostname: m.GetHostname(),
		Insecure:         e.GetSecurity() == pb.SecurityMode_INSECURE,
		CgroupParent:     m.GetCgroupParent(),
		RemoveMountStubs: m.GetRemoveMountStubsRecursive(),
		Platform:         decodePlatform(p),
	}
	switch e.GetNetwork() {
	case pb.NetMode_UNSET:
	case pb.NetMode_HOST:
		out.Network = NetworkHost
	case pb.NetMode_NONE:
		out.Network = NetworkNone
	default:
		return nil, fmt.Errorf("unknown network mode %d", e.GetNetwork())
	}
	if x := m.GetProxyEnv(); x != nil {
		out.Proxy = &Proxy{HTTP: x.HttpProxy, HTTPS: x.HttpsProxy, FTP: x.FtpProxy, No: x.NoProxy, All: x.AllProxy}
	}
	for _, h := range m.GetExtraHosts() {
		out.ExtraHosts = append(out.ExtraHosts, HostIP{Host: h.GetHost(), IP: h.GetIP()})
	}
	for _, u := range m.GetUlimit() {
		out.Ulimits = append(out.Ulimits, Ulimit{Name: u.GetName(), Soft: u.GetSoft(), Hard: u.GetHard()})
	}
	for _, c := range m.GetValidExitCodes() {
		out.ValidExitCodes = append(out.ValidExitCodes, int(c))
	}
	for _, s := range e.GetSecretenv() {
		out.SecretEnv = append(out.SecretEnv, SecretEnv{ID: s.GetID(), Name: s.GetName(), Optional: s.GetOptional()})
	}
	for _, d := range e.GetCdiDevices() {
		out.Devices = append(out.Devices, Device{Name: d.GetName(), Optional: d.GetOptional()})
	}
	for _, mnt := range e.GetMounts() {
		x, err := decodeMount(mnt)
		if err != nil {
			return nil, fmt.Errorf("mount %s: %w", mnt.GetDest(), err)
		}
		out.Mounts = append(out.Mounts, x)
	}
	return out, nil
}

func decodeMount(m *pb.Mount) (Mount, error) {
	i, err := indexes(m.GetInput(), m.GetOutput())
	if err != nil {
		return Mount{}, err
	}
	out := Mount{
		Input: i[0], Output: i[1], Selector: m.GetSelector(), Dest: m.GetDest(), ReadOnly: m.GetReadonly(),
	}
	switch m.GetMountType() {
	case pb.MountType_BIND:
	case pb.MountType_SECRET:
		s := m.GetSecretOpt()
		out.Kind = MountSecret
		out.Secret = &SecretMount{ID: s.GetID(), UID: s.GetUid(), GID: s.GetGid(), Mode: s.GetMode(), Optional: s.GetOptional()}
	case pb.MountType_SSH:
		s := m.GetSSHOpt()
		out.Kind = MountSSH
		out.Secret = &SecretMount{ID: s.GetID(), UID: s.GetUid(), GID: s.GetGid(), Mode: s.GetMode(), Optional: s.GetOptional()}
	case pb.MountType_CACHE:
		out.Kind = MountCache
		out.Cache = &CacheMount{ID: m.GetCacheOpt().GetID()}
		switch m.GetCacheOpt().GetSharing() {
		case pb.CacheSharingOpt_SHARED:
		case pb.CacheSharingOpt_PRIVATE:
			out.Cache.Sharing = Private
		case pb.CacheSharingOpt_LOCKED:
			out.Cache.Sharing = Locked
		default:
			return Mount{}, fmt.Errorf("unknown sharing mode %d", m.GetCacheOpt().GetSharing())
		}
	case pb.MountType_TMPFS:
		out.Kind = MountTmpfs
		out.TmpfsSize = m.GetTmpfsOpt().GetSize()
	default:
		return Mount{}, fmt.Errorf("unknown kind %d", m.GetMountType())
	}
	if out.Kind == MountSecret || out.Kind == MountSSH || out.Kind == MountTmpfs {
		// They have neither, and makers leave the fields 0.
		out.Input, out.Output = Scratch, Discard
	}
	return out, nil
}
