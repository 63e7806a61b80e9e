package winsh

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/casement/casement/internal/tree"
)

// FuzzRecord: no record of the store makes a build crash, and one that is taken
// says the same when it is written again.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"changes":[{"n":"a","k":1,"s":3,"w":true,"a":32,"d":1,"b":1,"of":5,"h":"blake3:00"},{"n":"b","r":true},{"n":"c","k":2,"op":true}],"descriptors":["AQ=="],"blobs":["sha256:00"]}`))
	f.Add([]byte(`{"changes":[{"n":"a","k":1,"d":2}]}`))
	f.Add([]byte(`{"changes":[{"n":"a","b":-1}],"env":[{"Name":"A"}],"hives":{"System":""}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s saved
		if json.Unmarshal(data, &s) != nil {
			return
		}
		changes, err := s.changes(nil)
		if err != nil {
			return
		}
		for _, c := range changes {
			if c.Entry != nil && c.Entry.Content != nil {
				return // it is in no store
			}
		}
		again, err := save(changes)
		if err != nil {
			t.Fatal(err)
		}
		back, err := again.changes(nil)
		if err != nil {
			t.Fatal(err)
		}
		one, _ := json.Marshal(changes)
		two, _ := json.Marshal(back)
		if !bytes.Equal(one, two) {
			t.Fatalf("%s\n%s", one, two)
		}
		_ = tree.NewSet(changes)
	})
}
