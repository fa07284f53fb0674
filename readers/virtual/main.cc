#include "readers/virtual/virtual_reader.h"

int main() {
  madoguchi::vpcd::VirtualReader reader;
  return madoguchi::plugin::Serve(reader);
}
