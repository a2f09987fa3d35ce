// Names in tar files are UTF-8, whatever the locale of the process: libarchive converts them from and to that
// of the thread.
#pragma once

#include <locale.h>

#include <cwchar>
#include <string>

namespace medisyn {

/// While it lives, the thread's characters are UTF-8.
class Utf8Names {
 public:
  Utf8Names() : utf8_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(uselocale(utf8_)) {}
  ~Utf8Names() {
    uselocale(before_);
    if (utf8_ != nullptr) {
      freelocale(utf8_);
    }
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

  static bool are_valid(const std::string& name) {
    std::mbstate_t state{};
    const char* bytes = name.c_str();
    return std::mbsrtowcs(nullptr, &bytes, 0, &state) != static_cast<std::size_t>(-1);
  }

 private:
  locale_t utf8_;
  locale_t before_;
};

}  // namespace medisyn
