#include "readers/pcsc/pcsc_reader.h"

int main() {
  madoguchi::pcsc::PcscReader reader(madoguchi::pcsc::LibPcsclite());
  return madoguchi::plugin::Serve(reader);
}
