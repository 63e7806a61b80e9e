package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/casement/casement/internal/build"
	"github.com/casement/casement/internal/run/winsh"
)

// runFlags are the flags about what RUN may do.
type runFlags struct {
	secrets           []string
	network, registry string
}

func (f *runFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.secrets, "secret", nil, "`id=ID[,src=FILE|,env=NAME]`: a secret for RUN --mount=type=secret (may be repeated)")
	fl.StringVar(&f.network, "network", "", "`mode` of the network of RUN: default, none or host (default what each RUN says)")
	fl.StringVar(&f.registry, "registry", "config", "`what` becomes of changes that RUN makes to the Windows registry: config (variables go into the config, other changes are an error), delta (experimental: into the layer), drop=KEY[,KEY] (forget those below the keys)")
}

// fill puts the flags into a request.
func (f *runFlags) fill(env *environment, req *build.Request) error {
	var err error
	if req.Registry, err = winsh.ParseRegistryPolicy(f.registry); err != nil {
		return &usageError{err, `values are config, delta and drop=KEY[,KEY], for example --registry='drop=HKLM\SOFTWARE\Vendor'`}
	}
	switch f.network {
	case "", "default", "none", "host":
		req.Network = f.network
	default:
		return &usageError{fmt.Errorf("network %q is not known", f.network), "modes are default, none and host"}
	}
	for _, s := range f.secrets {
		id, secret, err := build.ParseSecret(s, env.lookupenv)
		if err != nil {
			return err
		}
		if req.Secrets == nil {
			req.Secrets = map[string]build.Secret{}
		}
		req.Secrets[id] = secret
	}
	return nil
}
