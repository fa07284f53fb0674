// policy_go is a policy in another compiled language, served on the same file descriptor.
package main

import (
	"os"

	plugin "madoguchi/plugin/v1"
	policy "madoguchi/policy/v1"

	"google.golang.org/grpc"
)

func main() {
	os.Exit(serve(&common{name: "policy_go", kind: plugin.Kind_KIND_POLICY}, func(server *grpc.Server) {
		policy.RegisterPolicyServer(server, &visual{})
	}))
}
