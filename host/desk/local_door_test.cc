#include "host/desk/local_door.h"

#include <fcntl.h>
#include <unistd.h>

#include "host/desk/door_fixture.h"

namespace madoguchi {
namespace {

class LocalDoorTest : public DoorTest {
 protected:
  std::unique_ptr<Desk::Stub> Knock() const {
    return Desk::NewStub(grpc::CreateChannel("unix:" + path_, grpc::InsecureChannelCredentials()));
  }
  absl::StatusOr<std::unique_ptr<LocalDoor>> Open(uid_t uid, bool plugin = false) {
    LocalDoor::Guests guests;
    guests.roles[uid] = {ROLE_STAFF};
    guests.is_plugin = [plugin](pid_t pid) { return plugin && pid == getpid(); };
    return LocalDoor::Open(path_, house_, std::move(guests));
  }
  const std::string path_ = folder_ + "/desk.sock";
};

TEST_F(LocalDoorTest, TheKernelSaysWhoComesIn) {
  auto door = Open(getuid());
  ASSERT_TRUE(door.ok()) << door.status();
  EXPECT_TRUE(GetHost(*Knock()).ok());
  EXPECT_EQ(Open(getuid()).status().code(), absl::StatusCode::kAlreadyExists);
  door->reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
  door = Open(getuid() + 1);
  EXPECT_EQ(GetHost(*Knock()).code(), absl::StatusCode::kUnavailable);
  door->reset();
  door = Open(getuid(), /*plugin=*/true);
  EXPECT_EQ(GetHost(*Knock()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(LocalDoorTest, ClosesInTimeWithScreensAtIt) {
  auto door = Open(getuid());
  ASSERT_TRUE(door.ok());
  const auto stub = Knock();
  grpc::ClientContext context;
  SetDeadline(&context);
  desk::v1::WatchRequest request;
  request.set_role(ROLE_STAFF);
  const auto stream = stub->Watch(&context, request);
  desk::v1::View view;
  ASSERT_TRUE(stream->Read(&view));
  const auto before = std::chrono::steady_clock::now();
  door->reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  EXPECT_FALSE(stream->Read(&view));
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(LocalDoorTest, SaysWhatToDoWhenTheSocketCannotBeOpened) {
  std::filesystem::remove_all(folder_);
  EXPECT_EQ(std::string(Open(getuid()).status().message()),
            path_ + ": the desk's socket cannot be opened there: No such file or directory; set " +
                "another path in desk.socket, or see that its folder is there and may be written");
}

TEST_F(LocalDoorTest, AFileInTheWayStays) {
  { const Fd file(creat(path_.c_str(), 0600)); }
  EXPECT_EQ(Open(getuid()).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace madoguchi
