#include "readers/nfc/nfc_reader.h"

int main() {
  madoguchi::nfc::NfcReader reader;
  return madoguchi::plugin::Serve(reader);
}
