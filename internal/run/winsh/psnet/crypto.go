package psnet

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"io"
	"math/big"
	"strings"

	//lint:ignore SA1019 [System.Security.Cryptography.RIPEMD160] is of the same age
	"golang.org/x/crypto/ripemd160"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// hasher is the Data of a HashAlgorithm.
type hasher struct {
	h   hash.Hash
	sum []byte
	key []byte // of an HMAC
	new func() hash.Hash
}

const cryptoSpace = "System.Security.Cryptography."

// algorithms are the hashes of .NET by their names.
func algorithms() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{
		"MD5": md5.New, "SHA1": sha1.New, "SHA256": sha256.New, "SHA384": sha512.New384, "SHA512": sha512.New, "RIPEMD160": ripemd160.New,
	}
}

// cryptoTypes are hashes and random numbers; all else of cryptography is
// refused.
func cryptoTypes() []*ps.Type {
	const base = cryptoSpace + "HashAlgorithm"
	list := []*ps.Type{
		{Name: base, Abstract: true, Implements: []string{"System.IDisposable"}, Members: hashMembers},
		{Name: cryptoSpace + "KeyedHashAlgorithm", Base: base, Abstract: true, Members: keyedMembers},
		{Name: cryptoSpace + "HMAC", Base: cryptoSpace + "KeyedHashAlgorithm", Abstract: true},
		{Name: cryptoSpace + "RandomNumberGenerator", Abstract: true, Implements: []string{"System.IDisposable"}, Members: randomBytesMembers},
		{Name: cryptoSpace + "RNGCryptoServiceProvider", Base: cryptoSpace + "RandomNumberGenerator", New: overloads(newGenerator, "")},
	}
	for _, name := range []string{"MD5", "SHA1", "SHA256", "SHA384", "SHA512", "RIPEMD160"} {
		list = append(list, &ps.Type{Name: cryptoSpace + name, Base: base, Abstract: true, Members: func() []ps.Member { return algorithmMembers(name) }})
		for _, suffix := range []string{"Managed", "CryptoServiceProvider", "Cng"} {
			list = append(list, &ps.Type{Name: cryptoSpace + name + suffix, Base: cryptoSpace + name, New: overloads(val(func(in *ps.Invoke) any { return newHasher(in.Session, name+suffix, name, nil) }), "")})
		}
		if name == "RIPEMD160" {
			continue
		}
		list = append(list, &ps.Type{Name: cryptoSpace + "HMAC" + name, Base: cryptoSpace + "HMAC", New: overloads(can(func(in *ps.Invoke) (any, error) {
			key := bytesArg(in, 0)
			if len(in.Args) == 0 {
				key = make([]byte, 64)
				if _, err := rand.Read(key); err != nil {
					return nil, err
				}
			}
			return newHasher(in.Session, "HMAC"+name, name, append([]byte{}, key...)), nil
		}), "", "byte[] key")})
	}
	return list
}

func newHasher(s *ps.Session, class, name string, key []byte) *ps.Object {
	algorithm := algorithms()[name]
	h := &hasher{key: key, new: algorithm}
	if key != nil {
		h.new = func() hash.Hash { return hmac.New(algorithm, h.key) }
	}
	h.h = h.new()
	return s.Object(cryptoSpace+class, h)
}

// createHash is HashAlgorithm.Create with a name.
func createHash(in *ps.Invoke) (any, error) {
	name := "SHA1"
	if len(in.Args) > 0 {
		name = strings.ToUpper(strings.TrimPrefix(strings.ToUpper(in.String(0)), strings.ToUpper(cryptoSpace)))
		name = strings.ReplaceAll(name, "SHA-", "SHA")
		for _, suffix := range []string{"MANAGED", "CRYPTOSERVICEPROVIDER", "CNG"} {
			name = strings.TrimSuffix(name, suffix)
		}
	}
	if name == "SHA" {
		name = "SHA1"
	}
	if algorithms()[name] == nil {
		if strings.Contains(name, "TRIPLEDES") {
			return nil, machine.Refuse("HashAlgorithm.Create "+in.String(0), "its key is random", "use SHA256")
		}
		return nil, nil
	}
	return newHasher(in.Session, classOf(in.Session, name), name, nil), nil
}

// classOf is the class that Create of .NET makes.
func classOf(s *ps.Session, name string) string {
	if !desktop(s) {
		return name
	}
	switch name {
	case "MD5", "SHA1":
		return name + "CryptoServiceProvider"
	}
	return name + "Managed"
}

func algorithmMembers(name string) []ps.Member {
	list := []ps.Member{static("Create", cryptoSpace+name, val(func(in *ps.Invoke) any {
		return newHasher(in.Session, classOf(in.Session, name), name, nil)
	}), "", "string hashName")}
	return append(list, only(ps.Core, static("HashData", "byte[]", can(func(in *ps.Invoke) (any, error) {
		h := algorithms()[name]()
		if s, ok := dataOf[*Stream](in, 0); ok {
			if _, err := io.Copy(h, onlyReader{s}); err != nil {
				return nil, ioError(in.Session, err)
			}
		} else {
			h.Write(bytesArg(in, 0))
		}
		return &ps.Bytes{B: h.Sum(nil)}, nil
	}), "byte[] source", "System.IO.Stream source"))...)
}

func hashMembers() []ps.Member {
	data := self[*hasher]
	return []ps.Member{
		static("Create", cryptoSpace+"HashAlgorithm", can(createHash), "", "string hashName"),
		method("ComputeHash", "byte[]", can(func(in *ps.Invoke) (any, error) {
			d := data(in)
			d.h.Reset()
			if s, ok := dataOf[*Stream](in, 0); ok {
				if _, err := io.CopyBuffer(writerOnly{d.h}, onlyReader{s}, make([]byte, 128<<10)); err != nil {
					return nil, ioError(in.Session, err)
				}
			} else {
				b := bytesArg(in, 0)
				if !has(in, 0) {
					return nil, nullArgument(in.Session, "buffer")
				}
				if len(in.Args) > 1 {
					var err error
					if b, err = span(in); err != nil {
						return nil, err
					}
				}
				d.h.Write(b)
			}
			d.sum = d.h.Sum(nil)
			d.h.Reset()
			return &ps.Bytes{B: append([]byte{}, d.sum...)}, nil
		}), "byte[] buffer", "System.IO.Stream inputStream", "byte[] buffer, int offset, int count"),
		method("TransformBlock", "int", can(func(in *ps.Invoke) (any, error) {
			b, err := span(in)
			if err != nil {
				return nil, err
			}
			data(in).h.Write(b)
			if out := bytesArg(in, 3); out != nil && in.Int(4) >= 0 && in.Int(4)+len(b) <= len(out) {
				copy(out[in.Int(4):], b)
			}
			return ps.Int(len(b)), nil
		}), "byte[] inputBuffer, int inputOffset, int inputCount, byte[] outputBuffer, int outputOffset"),
		method("TransformFinalBlock", "byte[]", can(func(in *ps.Invoke) (any, error) {
			b, err := span(in)
			if err != nil {
				return nil, err
			}
			data(in).h.Write(b)
			data(in).sum = data(in).h.Sum(nil)
			data(in).h.Reset()
			return &ps.Bytes{B: append([]byte{}, b...)}, nil
		}), "byte[] inputBuffer, int inputOffset, int inputCount"),
		prop("Hash", "byte[]", func(in *ps.Invoke) any {
			if data(in).sum == nil {
				return nil
			}
			return &ps.Bytes{B: append([]byte{}, data(in).sum...)}
		}),
		prop("HashSize", "int", func(in *ps.Invoke) any { return ps.Int(data(in).h.Size() * 8) }),
		prop("CanReuseTransform", "bool", func(*ps.Invoke) any { return true }), prop("CanTransformMultipleBlocks", "bool", func(*ps.Invoke) any { return true }),
		method("Initialize", "void", do(func(in *ps.Invoke) error { data(in).h.Reset(); return nil }), ""),
		method("Clear", "void", nothing, ""), method("Dispose", "void", nothing, ""),
	}
}

func keyedMembers() []ps.Member {
	data := self[*hasher]
	return []ps.Member{prop("Key", "byte[]", func(in *ps.Invoke) any { return &ps.Bytes{B: append([]byte{}, data(in).key...)} }).With(func(_ context.Context, in *ps.Invoke) error {
		data(in).key = append([]byte{}, bytesArg(in, 0)...)
		data(in).h = data(in).new()
		return nil
	})}
}

type generator struct{}

func newGenerator(_ context.Context, in *ps.Invoke) (any, error) {
	return in.Session.Object(cryptoSpace+"RNGCryptoServiceProvider", generator{}), nil
}

func randomBytesMembers() []ps.Member {
	fill := do(func(in *ps.Invoke) error { _, err := rand.Read(bytesArg(in, 0)); return err })
	list := []ps.Member{
		static("Create", cryptoSpace+"RandomNumberGenerator", newGenerator, ""),
		method("GetBytes", "void", fill, "byte[] data"),
		method("GetNonZeroBytes", "void", do(func(in *ps.Invoke) error {
			b := bytesArg(in, 0)
			for i := range b {
				n, err := rand.Int(rand.Reader, big.NewInt(255))
				if err != nil {
					return err
				}
				b[i] = byte(n.Int64() + 1)
			}
			return nil
		}), "byte[] data"),
		method("Dispose", "void", nothing, ""),
	}
	return append(list, only(ps.Core,
		static("GetBytes", "byte[]", can(func(in *ps.Invoke) (any, error) {
			if err := limit(in.Session, int64(in.Int(0))); err != nil || in.Int(0) < 0 {
				return nil, err
			}
			b := make([]byte, in.Int(0))
			_, err := rand.Read(b)
			return &ps.Bytes{B: b}, err
		}), "int count"),
		static("Fill", "void", fill, "byte[] data"),
		static("GetInt32", "int", can(func(in *ps.Invoke) (any, error) {
			low, high := int64(0), int64(in.Int(0))
			if len(in.Args) == 2 {
				low, high = high, int64(in.Int(1))
			}
			if low >= high {
				return nil, throw(argumentException, "Range of random number does not contain at least one possibility.")
			}
			n, err := rand.Int(rand.Reader, big.NewInt(high-low))
			if err != nil {
				return nil, err
			}
			return int32(n.Int64() + low), nil
		}), "int toExclusive", "int fromInclusive, int toExclusive"))...)
}
