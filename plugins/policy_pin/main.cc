#include "plugins/policy_pin/policy.h"

int main() {
  madoguchi::PinPolicy policy;
  return madoguchi::plugin::Serve(policy);
}
