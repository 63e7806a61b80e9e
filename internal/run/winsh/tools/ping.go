package tools

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// ping asks this computer only, which is how batch files wait.
func ping() tool {
	return tool{
		grammar: grammar{
			name: "ping", dash: true,
			flags: join(flagsOf(next, "n", "w"), flags("4", "6"),
				refusedFlags("casement's ping only waits", "write ping -n NUMBER 127.0.0.1 or localhost", "t", "a", "l", "f", "i", "v", "r", "s", "j", "k", "R", "S", "c", "p")),
		},
		check: func(in input) error {
			if in.partial {
				return nil
			}
			args := in.operands()
			if n, err := strconv.Atoi(in.value("n")); in.bad != nil || len(args) != 1 || in.has("n") && (err != nil || n < 1) {
				return machine.Refuse("ping with these arguments", "it prints the help text of Windows", "write ping -n NUMBER 127.0.0.1 or localhost")
			}
			if _, _, ok := pingTarget(in); !ok {
				return machine.Refuse("ping "+args[0], "a build sends HTTP requests and nothing else", "leave it out; to wait, ping 127.0.0.1")
			}
			return nil
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			n, err := strconv.Atoi(in.value("n"))
			if err != nil {
				n = 4
			}
			address, named, _ := pingTarget(in)
			shown := address
			if name, ok := p.Env.Get("COMPUTERNAME"); named && ok {
				shown = name + " [" + address + "]"
			}
			reply := "bytes=32 time<1ms TTL=128"
			if address == "::1" {
				reply = "time<1ms "
			}
			p.print("\r\nPinging %s with 32 bytes of data:\r\n", shown)
			for i := range n {
				if i > 0 {
					select {
					case <-ctx.Done():
						return 1, fmt.Errorf("waiting: %w", ctx.Err())
					case <-time.After(time.Second):
					}
				}
				p.println("Reply from %s: %s", address, reply)
			}
			p.print("\r\nPing statistics for %s:\r\n    Packets: Sent = %d, Received = %d, Lost = 0 (0%% loss),\r\n"+
				"Approximate round trip times in milli-seconds:\r\n    Minimum = 0ms, Maximum = 0ms, Average = 0ms\r\n", address, n, n)
			return 0, p.failed
		},
	}
}

// pingTarget is the address that is asked: of this computer, which has a name too.
func pingTarget(in input) (address string, named, ok bool) {
	v4, v6 := in.has("4"), in.has("6")
	switch strings.ToLower(in.operands()[0]) {
	case "127.0.0.1":
		return "127.0.0.1", false, !v6
	case "::1":
		return "::1", false, !v4
	case "localhost":
		if v4 {
			return "127.0.0.1", true, !v6
		}
		return "::1", true, true
	}
	return "", false, false
}
