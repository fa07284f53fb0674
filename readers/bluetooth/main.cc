#include "readers/bluetooth/bluetooth_reader.h"

int main() {
  madoguchi::bluetooth::BluetoothReader reader;
  return madoguchi::plugin::Serve(reader);
}
