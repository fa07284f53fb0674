#ifndef MADOGUCHI_TESTS_BENCH_PLAIN_CARD_H_
#define MADOGUCHI_TESTS_BENCH_PLAIN_CARD_H_

#include <string>

namespace madoguchi::bench {

// What a plain program on libpcsclite does, and nothing else: connect, begin a transaction, the
// APDUs of one PIN check as Madoguchi sends them, end it with a reset. Milliseconds for the whole;
// negative when the card did not agree.
class PlainCard {
 public:
  PlainCard();
  ~PlainCard();
  double CheckByPin(const std::string& reader, const std::string& pin);

 private:
  long context_ = 0;
};

}  // namespace madoguchi::bench

#endif  // MADOGUCHI_TESTS_BENCH_PLAIN_CARD_H_
