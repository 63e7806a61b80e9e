package tools

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// ping asks this computer only, which is how batch files wait.
func ping() tool {
	return tool{
		grammar: grammar{
			name: "ping", dash: true,
			flags: join(flagsOf(next, "n", "w"),
				refusedFlags("casement's ping only waits", "write ping -n NUMBER 127.0.0.1", "t", "a", "l", "f", "i", "v", "r", "s", "j", "k", "R", "S", "c", "p", "4", "6")),
		},
		check: func(in input) error {
			if in.partial {
				return nil
			}
			args := in.operands()
			if n, err := strconv.Atoi(in.value("n")); in.bad != nil || len(args) != 1 || in.has("n") && (err != nil || n < 1) {
				return machine.Refuse("ping with these arguments", "it prints the help text of Windows", "write ping -n NUMBER 127.0.0.1")
			}
			if args[0] != "127.0.0.1" {
				return machine.Refuse("ping "+args[0], "a build sends HTTP requests and nothing else", "leave it out; to wait, ping 127.0.0.1")
			}
			return nil
		},
		run: func(ctx context.Context, p *proc, in input) (int, error) {
			n, err := strconv.Atoi(in.value("n"))
			if err != nil {
				n = 4
			}
			p.print("\r\nPinging 127.0.0.1 with 32 bytes of data:\r\n")
			for i := range n {
				if i > 0 {
					select {
					case <-ctx.Done():
						return 1, fmt.Errorf("waiting: %w", ctx.Err())
					case <-time.After(time.Second):
					}
				}
				p.println("Reply from 127.0.0.1: bytes=32 time<1ms TTL=128")
			}
			p.print("\r\nPing statistics for 127.0.0.1:\r\n    Packets: Sent = %d, Received = %d, Lost = 0 (0%% loss),\r\n"+
				"Approximate round trip times in milli-seconds:\r\n    Minimum = 0ms, Maximum = 0ms, Average = 0ms\r\n", n, n)
			return 0, p.failed
		},
	}
}
