#include "policy.h"

int main() {
  MyPolicy policy;
  return madoguchi::plugin::Serve(policy);
}
