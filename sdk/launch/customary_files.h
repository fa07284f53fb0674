#ifndef MADOGUCHI_SDK_LAUNCH_CUSTOMARY_FILES_H_
#define MADOGUCHI_SDK_LAUNCH_CUSTOMARY_FILES_H_

#include <string>

namespace madoguchi {

// A file, or with a '/' at the end a folder, that libraries look for by themselves and do without.
struct CustomaryFile {
  const char* path;
  const char* who_looks;
};

// Found by running our plugins, each in its jail, and noting what was told of them.
inline constexpr CustomaryFile kCustomaryFiles[] = {
    {"/etc/ld.so.preload", "ld.so"},
    {"/sys/devices/system/cpu/online", "glibc, for the number of processors"},
    {"/sys/devices/system/cpu/possible", "Abseil, for the number of processors"},
    {"/proc/stat", "glibc, where it did not find the former"},
    {"/proc/sys/vm/overcommit_memory", "glibc's malloc, before it gives memory back"},
    {"/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "Go's runtime"},
    {"/etc/nfc/", "libnfc, for a configuration and a list of devices"},
    {"/etc/localtime", "glibc, for the local time of a line of the log"},
    {"/usr/lib/ssl/openssl.cnf", "OpenSSL, for defaults of the whole machine"},
    {"/etc/ssl/openssl.cnf", "the same, where the former leads to"},
};

// Whether an attempt at this file, named absolutely and lexically normal, is a library's custom.
inline bool IsCustomary(const std::string& path) {
  for (const CustomaryFile& file : kCustomaryFiles) {
    const std::string customary = file.path;
    if (path == customary || (customary.back() == '/' && path.starts_with(customary))) return true;
  }
  return false;
}

}  // namespace madoguchi

#endif  // MADOGUCHI_SDK_LAUNCH_CUSTOMARY_FILES_H_
