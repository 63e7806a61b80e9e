package dockerfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ErrUnreachable is in the error of a [Resolver] that could not look at an
// image, as against one that has found out that there is none.
var ErrUnreachable = errors.New("the image cannot be reached")

// offline is what a check does without.
type offline struct {
	mu    sync.Mutex
	known map[string]bool // images that have been noted
	notes []string
}

// note remembers that an image cannot be reached, and says so once.
func (o *offline) note(image, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known[image] {
		return
	}
	if o.known == nil {
		o.known = make(map[string]bool)
	}
	o.known[image] = true
	if text != "" {
		o.notes = append(o.notes, text)
	}
}

// noted reports whether an image is known to be unreachable.
func (o *offline) noted(image string) bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.known[image]
}

// unknownImage stands for an image that cannot be reached.
func unknownImage(p *ocispec.Platform) Resolved {
	config := ocispec.Image{}
	if p != nil {
		config.Platform = *p
	}
	b, _ := json.Marshal(config) // strings only
	return Resolved{Config: b}
}

// checkPlatforms returns what a Dockerfile is checked for when nobody says it.
// None leaves it to the frontend, because something is wrong that the check is
// about to find.
func (c *client) checkPlatforms(ctx context.Context, text []byte) []ocispec.Platform {
	f, err := parse(text)
	if err != nil {
		return nil
	}
	p, err := f.infer(ctx, c)
	var several *ChoiceError
	switch {
	case err == nil:
		return []ocispec.Platform{p}
	case errors.As(err, &several):
		if p, err = ParsePlatform(several.Choices[0]); err != nil {
			return nil
		}
		c.offline.note("", fmt.Sprintf("base image %s is there for %s; checked for %s, other ones need --platform", several.Ref, several.what, FormatPlatform(p)))
	case errors.Is(err, ErrUnreachable):
		p = ocispec.Platform{OS: "windows", Architecture: "amd64"}
		c.offline.note("", fmt.Sprintf("the platform could not be determined, checked for %s, other ones need --platform: %v", FormatPlatform(p), err))
	default:
		return nil
	}
	return []ocispec.Platform{p}
}
