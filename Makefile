# What people do with casement's sources. Each target says what it needs;
# 'make test' is all that CI runs.

GO ?= go
# The Go modules are all that is downloaded, and no C compiler is needed.
export CGO_ENABLED = 0

# Flags: no paths of this machine in the binary.
GOFLAGS_BUILD = -trimpath

# How long 'make fuzz' spends on each fuzz target.
FUZZTIME ?= 60s

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build
build: ## build bin/casement
	$(GO) build $(GOFLAGS_BUILD) -o bin/casement ./cmd/casement

.PHONY: demo
demo: build ## build and inspect the image of examples/hello
	@./examples/demo

.PHONY: demo-run
demo-run: build ## build the examples of RUN, against a file server on this machine
	@$(GO) run ./examples/run

.PHONY: test
test: ## everything that CI runs
	@.ci/test

.PHONY: lint
lint: ## staticcheck, with the settings in staticcheck.conf
	$(GO) run $(STATICCHECK) ./...

.PHONY: test-peers
test-peers: build ## test against other programs; installs what it needs
	test/peers/run $(PEERS)

.PHONY: bench
bench: build ## measure against other builders; takes long
	bench/run $(BENCH)

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@.ci/fuzz $(FUZZTIME)

.PHONY: docs
docs: ## rewrite doc/cli and doc/dependencies.txt
	$(GO) test ./cmd/casement -run 'TestDocs|TestDependencies' -update

.PHONY: install
install: ## install casement into the directory of 'go install'
	$(GO) install $(GOFLAGS_BUILD) ./cmd/casement

.PHONY: clean
clean: ## remove what the other targets have made here
	rm -rf bin dist

.PHONY: help
help: ## list the targets
	@awk -F ': .*## |:.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile
