#include <cstdlib>
#include <optional>

#include "ui/terminal/doctor/examine.h"
#include "ui/terminal/reader_text.h"

namespace madoguchi::terminal::doctor {
namespace {

using check::v1::FAILURE_CODE_CLOCK_WRONG;

// More than a network and a second's rounding can explain, and less than certificates forgive: the
// host makes its own valid from five minutes before.
constexpr std::time_t kTolerance = 120;

constexpr Phrase kRight("ずれは見つかりません", "no difference found");
constexpr Phrase kBeforeBuilt(
    "このパソコンの時計は、この madoguchi が作られた日時より前（{}）を指しています。",
    "This computer's clock says {}, which is before this madoguchi was made.");
constexpr Phrase kOutsideCa(
    "窓口システムの時計（{}）は、窓口システム自身の証明書の有効期間（{} から {}）の外です。",
    "The host's clock says {}; its own certificates are valid from {} to {}.");
constexpr Phrase kFromHost("このパソコンの時計（{}）と窓口システムの時計（{}）が合いません。",
                           "This computer's clock says {}, the host's says {}.");
constexpr Phrase kFromAuthority(
    "窓口システムの時計（{}）と資格確認のサーバーの時計（{}）が合いません。",
    "The host's clock says {}, the eligibility server's says {}.");
constexpr Phrase kSynchronise("`timedatectl set-ntp true` で時計の自動合わせを有効にできます。",
                              "`timedatectl set-ntp true` switches automatic time on.");

std::optional<std::time_t> TimeOf(const std::string& text) {
  std::tm utc{};
  const char* const end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return timegm(&utc);
}

std::string TextOf(std::time_t time) {
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[32];
  return std::string(text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc));
}

bool Differ(const std::string& a, const std::string& b) {
  const auto first = TimeOf(a), second = TimeOf(b);
  return first && second && std::abs(*first - *second) > kTolerance;
}

}  // namespace

// The first that is wrong says it; the others only say it again.
Part ExamineClock(const Seen& seen, const Diagnosis&) {
  const auto wrong = [](const Phrase& phrase, Values values) {
    return Judged({Found(FAILURE_CODE_CLOCK_WRONG, Both(phrase, values), Both(kSynchronise))}, {});
  };
  const MachineSeen& machine = seen.machine;
  if (machine.built != 0 && machine.now < machine.built - kTolerance) {
    return wrong(kBeforeBuilt, {LocalTime(TextOf(machine.now))});
  }
  const HostSeen& host = seen.host;
  if (!host.host.ok()) return Well(kRight);
  const auto now = TimeOf(host.host->time());
  const auto from = TimeOf(host.host->ca_not_before()), to = TimeOf(host.host->ca_not_after());
  if (now && ((from && *now < *from) || (to && *now > *to))) {
    return wrong(kOutsideCa, {LocalTime(host.host->time()), LocalTime(host.host->ca_not_before()),
                              LocalTime(host.host->ca_not_after())});
  }
  if (host.authority.ok() &&
      Differ(host.authority->host_time(), host.authority->authority_time())) {
    return wrong(kFromAuthority, {LocalTime(host.authority->host_time()),
                                  LocalTime(host.authority->authority_time())});
  }
  if (Differ(TextOf(machine.now), host.host->time())) {
    return wrong(kFromHost, {LocalTime(TextOf(machine.now)), LocalTime(host.host->time())});
  }
  return Well(kRight);
}

}  // namespace madoguchi::terminal::doctor
