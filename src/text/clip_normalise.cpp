#include "clip_normalise.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr UChar32 kCapitalIWithDot = 0x130;
constexpr UChar32 kCombiningDotAbove = 0x307;

enum class Kind { kSpace, kLetter, kNumber, kOther };

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

Kind kind_in_unicode(UChar32 c) {
  if (u_isUWhiteSpace(c)) {
    return Kind::kSpace;
  }
  const auto mask = U_GET_GC_MASK(c);
  if (mask & U_GC_L_MASK) {
    return Kind::kLetter;
  }
  return mask & U_GC_N_MASK ? Kind::kNumber : Kind::kOther;
}

Kind kind_of(UChar32 c) {
  static const auto kAscii = [] {
    std::array<Kind, 0x80> kinds{};
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      kinds[i] = kind_in_unicode(static_cast<UChar32>(i));
    }
    return kinds;
  }();
  return c < 0x80 ? kAscii[static_cast<std::size_t>(c)] : kind_in_unicode(c);
}

/// The code point at `at` and the position behind it.
struct Step {
  UChar32 c;
  std::size_t next;
};

Step step(std::string_view text, std::size_t at) {
  UChar32 c = 0;
  std::size_t next = at;
  U8_NEXT_OR_FFFD(text.data(), next, text.size(), c);
  return {c, next};
}

/// The end of the run of `kind` that goes on at `at`.
std::size_t run_end(std::string_view text, std::size_t at, Kind kind) {
  while (at < text.size()) {
    const auto [c, next] = step(text, at);
    if (kind_of(c) != kind) {
      break;
    }
    at = next;
  }
  return at;
}

/// The length of the contraction that begins at `at`, or 0.
std::size_t contraction_length(std::string_view text, std::size_t at) {
  static constexpr std::array<std::string_view, 7> kContractions{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (const std::string_view contraction : kContractions) {
    if (text.substr(at).starts_with(contraction)) {
      return contraction.size();
    }
  }
  return 0;
}

icu::UnicodeString nfc(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFCInstance(status);
  icu::UnicodeString composed;
  if (U_SUCCESS(status)) {
    composed = normalizer->normalize(
        icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))),
        status);
  }
  if (U_FAILURE(status)) {
    fail("a text of {} bytes cannot be normalised: {}", text.size(), u_errorName(status));
  }
  return composed;
}

/// The same for ASCII alone, which is in NFC as it stands.
std::string normalise_ascii(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  bool after_space = false;
  for (const char c : text) {
    const bool is_space = kind_of(c) == Kind::kSpace;
    if (!is_space) {
      result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!after_space) {
      result += ' ';
    }
    after_space = is_space;
  }
  return result;
}

}  // namespace

std::string clip_normalise(std::string_view text) {
  if (is_ascii(text)) {
    return normalise_ascii(text);
  }
  const icu::UnicodeString composed = nfc(text);
  icu::UnicodeString result;
  bool after_space = false;
  for (int32_t at = 0; at < composed.length();) {
    const UChar32 c = composed.char32At(at);
    at += U16_LENGTH(c);
    const bool is_space = u_isUWhiteSpace(c);
    if (!is_space) {
      result.append(u_tolower(c));
      if (c == kCapitalIWithDot) {  // the one code point whose lower case is two of them in every language
        result.append(kCombiningDotAbove);
      }
    } else if (!after_space) {
      result.append(static_cast<UChar32>(' '));
    }
    after_space = is_space;
  }
  std::string utf8;
  return result.toUTF8String(utf8);
}

std::vector<std::string_view> clip_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, next] = step(text, at);
    const Kind kind = kind_of(c);
    std::size_t end = next;
    if (kind == Kind::kLetter) {
      end = run_end(text, next, kind);
    } else if (kind == Kind::kOther) {
      const std::size_t contraction = contraction_length(text, at);
      end = contraction > 0 ? at + contraction : run_end(text, next, kind);
    }
    if (kind != Kind::kSpace) {
      words.push_back(text.substr(at, end - at));
    }
    at = end;
  }
  return words;
}

}  // namespace medisyn
