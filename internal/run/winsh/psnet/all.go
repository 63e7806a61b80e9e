// Package psnet has the .NET types that PowerShell scripts of builds use, for
// the engine of package ps: files and streams, text and encodings, collections,
// numbers and times, archives, sums, the network's clients, environment and
// accounts.
//
// [All] returns them. A type is data: its name and its members, each with the
// overloads that C# would declare. Types that the engine has itself (strings,
// regular expressions, dates) get their other members here, and both are merged.
// What a type cannot do as .NET does is a member that refuses, with its reason;
// what is not listed is refused by the engine's check.
package psnet

import (
	"slices"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// All returns the types, for [ps.Config].
func All() []*ps.Type {
	return slices.Concat(
		environmentTypes(), pathTypes(), fileTypes(), fileStreamTypes(), streamTypes(), textTypes(), encodingTypes(),
		stringTypes(), regexTypes(), convertTypes(), numberTypes(), mathTypes(), timeTypes(), cultureTypes(),
		listTypes(), dictionaryTypes(), setTypes(), taskTypes(),
		netTypes(), webClientTypes(), webRequestTypes(), httpClientTypes(), uriTypes(),
		compressTypes(), zipTypes(), cryptoTypes(), identityTypes(), registryTypes(), assemblyTypes(), miscTypes(),
	)
}
