package hive

import (
	"testing"

	"github.com/casement/casement/internal/winmeta"
	"github.com/google/go-cmp/cmp"
)

// TestInheritKey has what Windows gives to keys that MSI packages and services
// make below keys like these.
func TestInheritKey(t *testing.T) {
	for name, tt := range map[string]struct{ parent, owner, want string }{
		"without automatic inheritance, nothing is left out": {
			"O:BAG:SYD:(A;CI;KR;;;BU)(A;CI;KA;;;BA)(A;CI;KA;;;SY)(A;;KA;;;BA)(A;CIIO;KA;;;CO)(A;CI;KR;;;AC)", "S-1-5-18",
			"O:SYG:SYD:(A;CI;KR;;;BU)(A;CI;KA;;;BA)(A;CI;KA;;;SY)(A;;KA;;;SY)(A;CIIO;KA;;;CO)(A;CI;KR;;;AC)"},
		"the owner's rights are known already": {
			"O:SYG:SYD:AI(A;CIID;KR;;;BU)(A;CIID;KA;;;BA)(A;CIID;KA;;;SY)(A;CIIOID;KA;;;CO)", "S-1-5-18",
			"O:SYG:SYD:AI(A;CIID;KR;;;BU)(A;CIID;KA;;;BA)(A;CIID;KA;;;SY)(A;CIIOID;KA;;;CO)"},
		"generic rights": {
			"O:BAG:SYD:PAI(A;;KR;;;BU)(A;CIIO;GR;;;BU)(A;;KA;;;BA)(A;CIIO;GA;;;BA)(A;CIIO;GW;;;SY)(A;CIIO;GX;;;AU)", "S-1-5-32-544",
			"O:BAG:SYD:AI(A;ID;KR;;;BU)(A;CIIOID;GR;;;BU)(A;ID;KA;;;BA)(A;CIIOID;GA;;;BA)(A;ID;KW;;;SY)(A;CIIOID;GW;;;SY)(A;ID;KR;;;AU)(A;CIIOID;GX;;;AU)"},
		"own entries in front of inherited ones that say the same": {
			"O:SYG:SYD:AI(A;;KR;;;BU)(A;CIIO;GR;;;BU)(A;;KA;;;BA)(A;CIIO;GA;;;BA)(A;CIIO;GA;;;CO)(A;CIID;KR;;;BU)(A;CIID;KA;;;BA)(A;CIIOID;KA;;;CO)", "S-1-5-32-544",
			"O:BAG:SYD:AI(A;ID;KR;;;BU)(A;CIIOID;GR;;;BU)(A;ID;KA;;;BA)(A;CIIOID;GA;;;BA)(A;CIIOID;GA;;;CO)(A;CIIOID;KR;;;BU)(A;CIIOID;KA;;;BA)(A;CIIOID;KA;;;CO)"},
		"the same entry twice": {
			"O:SYG:SYD:AI(A;;KR;;;BU)(A;CIIO;GR;;;BU)(A;ID;KR;;;BU)(A;CIIOID;GR;;;BU)", "S-1-5-18",
			"O:SYG:SYD:AI(A;ID;KR;;;BU)(A;CIIOID;GR;;;BU)"},
		"files below keys do not exist but are passed on": {
			"O:BAG:SYD:(A;OICI;KA;;;SY)(A;OI;KR;;;BU)(A;CINP;KR;;;AU)(A;OINP;KA;;;BA)", "S-1-5-32-544",
			"O:BAG:SYD:(A;OICI;KA;;;SY)(A;OIIO;KR;;;BU)(A;;KR;;;AU)"},
		"nothing to inherit": {
			"O:BAG:SYD:PAI(A;;KA;;;BA)", "S-1-5-32-544",
			"O:BAG:SYD:(A;;KA;;;SY)(A;;KA;;;BA)"},
		"nothing to inherit for the system": {
			"O:BAG:SYD:(A;;KA;;;BA)", "S-1-5-18", "O:SYG:SYD:(A;;KA;;;SY)"},
		"group and audit": {
			"O:BAG:SYD:(A;CI;KA;;;CG)S:(AU;CISA;KA;;;WD)(AU;SA;KR;;;WD)", "S-1-5-32-544",
			"O:BAG:SYD:(A;;KA;;;SY)(A;CIIO;KA;;;CG)S:(AU;CISA;KA;;;WD)"},
	} {
		parent, err := winmeta.ParseSDDL(tt.parent)
		if err != nil {
			t.Fatal(err)
		}
		got := inheritKey(parent, winmeta.SID(tt.owner), winmeta.LocalSystem)
		if diff := cmp.Diff(tt.want, got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
