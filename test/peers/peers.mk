# Tests with other people's registries, validators and containerd. PEERS holds
# flags of go test, for example: make test-peers PEERS='-v -run Files'
.PHONY: test-peers
test-peers:
	test/peers/run $(PEERS)
