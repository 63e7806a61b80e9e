package winsh

import "testing"

// Broken if it fails: a refusal names another line of a long instruction than
// the one that has to be changed.
func TestLineOf(t *testing.T) {
	for _, tt := range []struct {
		text, construct string
		want            int
	}{
		{"RUN node --version", "node", 0},
		{"RUN mkdir a && \\\n    node --version && \\\n    dir", "node", 1},
		{"RUN mkdir a && \\\n    # node\n    node --version", "node", 2},
		// The name also stands in an address, in a file's name and in an argument.
		{"RUN curl -o node.zip https://node.example/node.zip ; \\\n    node --version ; \\\n    node -p 1", "node", 1},
		{"RUN iex (gc 'https://choco.example/i.ps1') ; \\\n    choco install a", "choco", 1},
		{"RUN echo tool ; \\\n    iwr https://a.example -OutFile C:/tool.exe ; \\\n    & 'C:/tool.exe' /q", `C:\tool.exe`, 2},
		{"RUN mkdir \"C:\\Program Files\\Git\" ; \\\n    \"C:\\Program Files\\Git\\bin\\bash.exe\" -c ls", `C:\Program Files\Git\bin\bash.exe`, 1},
		{"RUN curl -o setup.exe https://a.example/setup.exe && \\\n    (start /w setup.exe -q) && \\\n    del setup.exe", "setup.exe", 1},
		{"RUN $a = 1 ; \\\n    New-Object System.Foo.Bar ; \\\n    Get-Item x", "[System.Foo.Bar]", 1},
		{"RUN dir && \\\n    echo b", "none", 0},
		{"RUN echo a b && \\\n    echo a b", "a", 0},
	} {
		if got := lineOf(tt.text, wordOf(tt.construct)); got != tt.want {
			t.Errorf("%s is in line %d of %q, want %d", tt.construct, got, tt.text, tt.want)
		}
	}
}
