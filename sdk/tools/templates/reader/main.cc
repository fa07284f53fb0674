#include "reader.h"

int main() {
  MyReader reader;
  return madoguchi::plugin::Serve(reader);
}
