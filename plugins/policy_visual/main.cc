#include "plugins/policy_visual/policy.h"

int main() {
  madoguchi::VisualPolicy policy;
  return madoguchi::plugin::Serve(policy);
}
