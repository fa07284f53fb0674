#include "authority.h"

int main() {
  MyAuthority authority;
  return madoguchi::plugin::Serve(authority);
}
