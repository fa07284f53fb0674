#ifndef MADOGUCHI_SDK_CONFORMANCE_REPORT_H_
#define MADOGUCHI_SDK_CONFORMANCE_REPORT_H_

#include <functional>
#include <string>
#include <vector>

// What a conformance run found: one row a rule, one page in all.
namespace madoguchi::conformance {

enum class Outcome { kPassed, kFailed, kSkipped };

// What one look at the examined program found. The texts are English and may hold any bytes: what
// is no UTF-8 is shown as '?'.
struct Finding {
  Outcome outcome = Outcome::kPassed;
  std::string detail;  // failed: what was seen; skipped: why; passed: a figure, or empty
  std::string advice;  // failed: what to do about it
};
Finding Passed(const std::string& detail = "");
Finding Failed(const std::string& seen, const std::string& advice);
Finding Skipped(const std::string& why);

struct Row {
  // Stable over versions, [a-z]+\.[a-z0-9-]+: what is examined, a dot, the rule.
  std::string id;
  std::string sentence;  // of the contract, whole
  Finding finding;
  double seconds = 0;
};

// Rows stand in the order in which they were added. One thread uses it.
class Report {
 public:
  // `title` says in one line what was examined; each line of `heading` is one fact of the run.
  explicit Report(std::string title, std::vector<std::string> heading = {});

  void Add(Row row);
  // Runs `look`, and adds its row with the time that it took.
  void Check(const std::string& id, const std::string& sentence,
             const std::function<Finding()>& look);

  // Lines of the examined program's log, any bytes: they follow the rows.
  void SetLog(std::vector<std::string> lines);

  const std::vector<Row>& rows() const { return rows_; }
  int CountOf(Outcome outcome) const;
  // No row failed, and not all were skipped.
  bool Passes() const;

  // For people: at most 100 columns, a wide character counting as two.
  std::string Text() const;
  // For programs: one object {title, heading, passes, passed, failed, skipped, seconds, rows,
  // log}, a row {id, sentence, outcome, detail, advice, seconds}; outcome is passed, failed or
  // skipped.
  std::string Json() const;
  // For build servers: JUnit's XML, one test suite. The part of the id before the dot is the class.
  std::string Junit() const;

 private:
  double Seconds() const;

  std::string title_;
  std::vector<std::string> heading_;
  std::vector<Row> rows_;
  std::vector<std::string> log_;
};

}  // namespace madoguchi::conformance

#endif  // MADOGUCHI_SDK_CONFORMANCE_REPORT_H_
