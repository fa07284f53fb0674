package main

import (
	"context"

	check "madoguchi/check/v1"
	policy "madoguchi/policy/v1"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// visual is the method 目視: the staff compare the photo, the certificate is read, the authority
// answers. A pure function of the evidence, as plugins/policy_visual is.
type visual struct {
	policy.UnimplementedPolicyServer
}

// way is what answers the first, second and third step.
var way = []policy.ProjectedEvidence_Kind{
	policy.ProjectedEvidence_KIND_VISUAL_MATCH,
	policy.ProjectedEvidence_KIND_CERTIFICATE_READ,
	policy.ProjectedEvidence_KIND_ANSWERED,
}

func (*visual) Next(_ context.Context, request *policy.NextRequest) (*policy.NextReply, error) {
	at := 0
	for _, evidence := range request.Evidence {
		failed := evidence.Kind == policy.ProjectedEvidence_KIND_FAILED
		if at == len(way) || !failed && evidence.Kind != way[at] {
			return nil, status.Errorf(codes.InvalidArgument, "%v does not answer the step before it",
				evidence.Kind)
		}
		at++
		if failed {
			at = len(way)
		}
	}
	switch at {
	case 0:
		return step(&check.Step{Kind: &check.Step_AskVisualMatch_{AskVisualMatch: &check.Step_AskVisualMatch{}}})
	case 1:
		return step(&check.Step{Kind: &check.Step_ReadCertificate_{ReadCertificate: &check.Step_ReadCertificate{}}})
	case 2:
		return step(&check.Step{Kind: &check.Step_AskAuthority_{AskAuthority: &check.Step_AskAuthority{}}})
	}
	return &policy.NextReply{Next: &policy.NextReply_Finish{Finish: &policy.Finish{}}}, nil
}

func step(next *check.Step) (*policy.NextReply, error) {
	return &policy.NextReply{Next: &policy.NextReply_Step{Step: next}}, nil
}
