#ifndef MADOGUCHI_TESTS_LEAK_MEMORY_SEARCH_H_
#define MADOGUCHI_TESTS_LEAK_MEMORY_SEARCH_H_

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

// Looks for a secret in the memory of other processes and in files, in every form in which careless
// code leaves one. Nothing here prints the secret.
namespace madoguchi::leak {

// A run of bytes that betrays a secret.
struct Needle {
  std::string form;  // "ASCII", "UTF-16LE", ...
  std::string bytes;
};

// A fresh random secret of 16 printable characters: none is escaped in JSON, XML, a shell or
// protobuf text, so that such a copy is an ASCII one.
std::string Canary();

// What betrays `secret`, 16 printable characters: its first and its second half (an allocator that
// took a block back writes over its head, and the tail stays) as ASCII, UTF-16 of both orders,
// hexadecimal of both cases, and base64 (also the one of URLs) at all three alignments, there
// without the characters that depend on what stands before and after.
std::vector<Needle> NeedlesOf(const std::string& secret);

// One place where a secret stands. Two halves side by side are one hit.
struct Hit {
  std::string form;
  std::string where;  // the mapping as /proc names it, with its permissions, or the file's path
  uint64_t offset;    // in the mapping or the file, bytes
};

struct Found {
  std::vector<Hit> hits;
  uint64_t bytes_read = 0;  // a search that read nothing proves nothing

  // "2 hits: ASCII in [heap] rw-p at 0x1a0; ..."
  std::string Text() const;
};

Found SearchBytes(std::span<const char> bytes, const std::string& where,
                  const std::vector<Needle>& needles);

// Reads all memory of a process that stands still: stopped by a signal, or by this thread as its
// tracer. Every mapping, whatever its permissions, through /proc/PID/mem; of private mappings the
// pages that are there at all (/proc/PID/pagemap): the others have no content but their file's.
// Mappings above 1 TiB are left out: those are sanitizers' shadows, which hold no bytes of the
// program. The error says what could not be read.
absl::StatusOr<Found> SearchStopped(pid_t pid, const std::vector<Needle>& needles);

// The same for a process that runs: it is stopped by SIGSTOP, all its threads, and goes on later.
absl::StatusOr<Found> SearchProcess(pid_t pid, const std::vector<Needle>& needles);

// The content of all files below `folder`, and their names.
absl::StatusOr<Found> SearchFolder(const std::string& folder, const std::vector<Needle>& needles);

}  // namespace madoguchi::leak

#endif  // MADOGUCHI_TESTS_LEAK_MEMORY_SEARCH_H_
