#include "plugins/authority_online/online.h"

int main() {
  madoguchi::OnlineAuthority authority;
  return madoguchi::plugin::Serve(authority);
}
