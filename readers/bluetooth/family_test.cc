#include "readers/bluetooth/family.h"

#include <gtest/gtest.h>

namespace madoguchi::bluetooth {
namespace {

constexpr char kPath[] = "/org/bluez/hci0/dev_1";

// The objects of a device with the whole service of `family`.
Objects ObjectsOf(const Family& family) {
  const std::string service = std::string(kPath) + "/service0010";
  Objects objects;
  objects[kPath][kDevice] = {};
  objects[service][kService] = {{"UUID", std::string(family.service)}};
  int number = 11;
  for (const char* uuid : {family.write, family.notify, family.status}) {
    if (*uuid == '\0') continue;
    objects[service + "/char00" + std::to_string(number++)][kCharacteristic] = {
        {"UUID", std::string(uuid)}, {"Service", service}};
  }
  return objects;
}

TEST(Family, EachIsFoundByItsService) {
  for (const Family& family : Families()) {
    const Objects objects = ObjectsOf(family);
    const auto pipe = FindPipe(objects, kPath);
    ASSERT_TRUE(pipe.has_value()) << family.service;
    EXPECT_EQ(pipe->family, &family);
    EXPECT_EQ(pipe->write, std::string(kPath) + "/service0010/char0011");
    EXPECT_EQ(pipe->notify, std::string(kPath) + "/service0010/char0012");
    EXPECT_EQ(pipe->status.empty(), *family.status == '\0');
    EXPECT_EQ(pipe->piece, 20u);
    EXPECT_TRUE(LooksLikeReader("", {family.service}));
    if (*family.name_prefix != '\0') {
      EXPECT_TRUE(LooksLikeReader(std::string(family.name_prefix) + "x", {}));
    }
  }
  EXPECT_FALSE(LooksLikeReader("headphones", {"0000180d-0000-1000-8000-00805f9b34fb"}));
  EXPECT_FALSE(LooksLikeReader("", {}));
}

TEST(Family, APipeIsWholeOrNone) {
  const Family& family = Families()[0];
  Objects objects = ObjectsOf(family);
  EXPECT_FALSE(FindPipe(objects, "/org/bluez/hci0/dev").has_value()) << "another device";
  EXPECT_FALSE(FindPipe(objects, "/org/bluez/hci0/dev_2").has_value());
  objects.erase(std::string(kPath) + "/service0010/char0012");
  EXPECT_FALSE(FindPipe(objects, kPath).has_value());
  // A characteristic of another service does not make it whole.
  objects[std::string(kPath) + "/service0020/char0021"][kCharacteristic] = {
      {"UUID", std::string(family.notify)}, {"Service", std::string(kPath) + "/service0020"}};
  EXPECT_FALSE(FindPipe(objects, kPath).has_value());
}

TEST(Family, ThePieceFollowsFromTheMtu) {
  for (const auto& [mtu, piece] : {std::pair<int64_t, size_t>{23, 20},
                                   {185, 182},
                                   {517, 512},
                                   {0, 20},
                                   {-5, 20},
                                   {100'000, 512}}) {
    Objects objects = ObjectsOf(Families()[0]);
    objects[std::string(kPath) + "/service0010/char0011"][kCharacteristic]["MTU"] = mtu;
    EXPECT_EQ(FindPipe(objects, kPath)->piece, piece) << mtu;
  }
}

}  // namespace
}  // namespace madoguchi::bluetooth
