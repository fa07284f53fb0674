#include "readers/bluetooth/bus_message.h"

#include <gtest/gtest.h>
#include <systemd/sd-bus.h>

#include <memory>

namespace madoguchi::bluetooth {
namespace {

// A message that is not sent; it needs a bus, and that needs no daemon.
class BusMessageTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(sd_bus_new(&bus_), 0);
    // Messages are of a bus that was begun.
    ASSERT_GE(sd_bus_set_address(bus_, "unix:path=/nonexistent/madoguchi"), 0);
    sd_bus_start(bus_);
    ASSERT_GE(sd_bus_message_new(bus_, &message_, SD_BUS_MESSAGE_METHOD_CALL), 0);
  }
  void TearDown() override {
    sd_bus_message_unref(message_);
    sd_bus_unref(bus_);
  }
  void Seal() { ASSERT_GE(sd_bus_message_seal(message_, 1, 0), 0); }

  sd_bus* bus_ = nullptr;
  sd_bus_message* message_ = nullptr;
};

TEST_F(BusMessageTest, WhatIsWrittenIsWhatWasGiven) {
  for (size_t size = 1; size <= 512; ++size) {
    sd_bus_message_unref(message_);
    message_ = nullptr;
    ASSERT_GE(sd_bus_message_new(bus_, &message_, SD_BUS_MESSAGE_METHOD_CALL), 0);
    std::vector<uint8_t> piece(size);
    for (size_t i = 0; i < size; ++i) piece[i] = static_cast<uint8_t>(i * 7 + size);
    ASSERT_TRUE(AppendWrite(message_, piece)) << size;
    Seal();
    std::vector<uint8_t> read;
    Properties options;
    ASSERT_TRUE(ReadBytes(message_, &read)) << size;
    EXPECT_EQ(read, piece);
    ASSERT_TRUE(ReadProperties(message_, &options)) << size;
    EXPECT_EQ(options, (Properties{{"type", std::string("request")}}));
    EXPECT_EQ(std::string(sd_bus_message_get_signature(message_, 1)), "aya{sv}");
  }
}

TEST_F(BusMessageTest, ObjectsAreReadWithValuesOfAnyType) {
  ASSERT_GE(sd_bus_message_append(message_, "a{oa{sa{sv}}}", 1, "/org/bluez/hci0/dev_1", 1,
                                  "org.bluez.Device1", 8, "Name", "s", "FT_1", "Connected", "b", 1,
                                  "RSSI", "n", -60, "UUIDs", "as", 2, "a", "b", "Value", "ay", 2, 7,
                                  9, "Adapter", "o", "/org/bluez/hci0", "Percentage", "y", 77,
                                  "ManufacturerData", "a{qv}", 1, 2, "ay", 1, 3),
            0);
  Seal();
  Objects objects;
  ASSERT_TRUE(ReadObjects(message_, &objects));
  const auto& device = objects["/org/bluez/hci0/dev_1"]["org.bluez.Device1"];
  EXPECT_EQ(device.at("Name"), Value(std::string("FT_1")));
  EXPECT_EQ(device.at("Connected"), Value(true));
  EXPECT_EQ(device.at("RSSI"), Value(int64_t{-60}));
  EXPECT_EQ(device.at("UUIDs"), Value(std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(device.at("Value"), Value(std::vector<uint8_t>{7, 9}));
  EXPECT_EQ(device.at("Adapter"), Value(std::string("/org/bluez/hci0")));
  EXPECT_EQ(device.at("Percentage"), Value(int64_t{77}));
  EXPECT_EQ(device.at("ManufacturerData"), Value(std::monostate()));
}

TEST_F(BusMessageTest, OtherTypesAreRefused) {
  ASSERT_GE(sd_bus_message_append(message_, "su", "text", 7u), 0);
  Seal();
  Properties properties;
  std::vector<std::string> texts;
  std::vector<uint8_t> bytes;
  std::string text;
  EXPECT_FALSE(ReadProperties(message_, &properties));
  EXPECT_FALSE(ReadStrings(message_, &texts));
  EXPECT_FALSE(ReadBytes(message_, &bytes));
  EXPECT_FALSE(ReadText(message_, 'o', &text));
  EXPECT_TRUE(ReadText(message_, 's', &text));
  EXPECT_FALSE(ReadText(message_, 's', &text));
}

}  // namespace
}  // namespace madoguchi::bluetooth
