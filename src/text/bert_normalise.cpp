#include "bert_normalise.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr UChar32 kSpace = 0x20;
constexpr UChar32 kReplacement = 0xFFFD;
constexpr UChar32 kCapitalIWithDot = 0x130;
constexpr UChar32 kCombiningDotAbove = 0x307;

/// The general category that the reference's tables (Unicode 8.0) give: none to what is younger, and the six
/// characters whose category changed since as it was.
std::uint32_t category_mask(UChar32 c) {
  switch (c) {
    case 0x1734:
      return U_GC_MN_MASK;
    case 0x1885:
    case 0x1886:
      return U_GC_LO_MASK;
    case 0xA9BD:
      return U_GC_MC_MASK;
    case 0x111C9:
    case 0x166D:
      return U_GC_PO_MASK;
    default:
      break;
  }
  constexpr std::uint8_t kNewestVersion = 8;
  UVersionInfo age;
  u_charAge(c, age);
  return age[0] == 0 || age[0] > kNewestVersion ? 0 : U_GET_GC_MASK(c);
}

bool is_dropped(UChar32 c) {
  if (c == '\t' || c == '\n' || c == '\r') {
    return false;
  }
  return c == 0 || c == kReplacement ||
         (category_mask(c) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

/// The reference's ranges, in which the first 256 characters of extension E are missing.
bool is_ideograph(UChar32 c) {
  static constexpr std::array<std::array<UChar32, 2>, 8> kRanges = {{{0x4E00, 0x9FFF},
                                                                     {0x3400, 0x4DBF},
                                                                     {0x20000, 0x2A6DF},
                                                                     {0x2A700, 0x2B73F},
                                                                     {0x2B740, 0x2B81F},
                                                                     {0x2B920, 0x2CEAF},
                                                                     {0xF900, 0xFAFF},
                                                                     {0x2F800, 0x2FA1F}}};
  return std::any_of(kRanges.begin(), kRanges.end(),
                     [c](const auto& range) { return c >= range[0] && c <= range[1]; });
}

bool is_punctuation(UChar32 c) {
  if (c < 0x80) {
    return u_ispunct(c) || c == '$' || c == '+' || c == '<' || c == '=' || c == '>' || c == '^' || c == '`' ||
           c == '|' || c == '~';
  }
  return (category_mask(c) & U_GC_P_MASK) != 0;
}

/// NFD over the characters that the reference's tables (Unicode 12) know.
icu::UnicodeString decompose(const icu::UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  static const icu::UnicodeSet kKnown = [] {
    UErrorCode code = U_ZERO_ERROR;
    icu::UnicodeSet set(u"[:age=12.1:]", code);
    set.freeze();
    return set;
  }();
  const icu::FilteredNormalizer2 normalizer(*icu::Normalizer2::getNFDInstance(status), kKnown);
  icu::UnicodeString decomposed;
  normalizer.normalize(text, decomposed, status);
  if (U_FAILURE(status)) {
    fail("a text of {} characters cannot be normalised: {}", text.length(), u_errorName(status));
  }
  return decomposed;
}

template <class Visit>
void for_each_code_point(const icu::UnicodeString& text, const Visit& visit) {
  for (int32_t at = 0; at < text.length();) {
    const UChar32 c = text.char32At(at);
    at += U16_LENGTH(c);
    visit(c);
  }
}

icu::UnicodeString cleaned(std::string_view text) {
  icu::UnicodeString result;
  for (std::size_t at = 0; at < text.size();) {
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(text.data(), at, text.size(), c);
    if (is_dropped(c)) {
      continue;
    }
    if (is_ideograph(c)) {
      result.append(kSpace).append(c).append(kSpace);
    } else {
      result.append(u_isUWhiteSpace(c) ? kSpace : c);
    }
  }
  return result;
}

}  // namespace

std::string bert_normalise(std::string_view text, bool lower_case) {
  icu::UnicodeString result = cleaned(text);
  if (lower_case) {
    const icu::UnicodeString decomposed = decompose(result);
    result.remove();
    for_each_code_point(decomposed, [&](UChar32 c) {
      if ((category_mask(c) & U_GC_MN_MASK) != 0) {
        return;
      }
      result.append(u_tolower(c));
      if (c == kCapitalIWithDot) {  // the one code point whose lower case is two of them
        result.append(kCombiningDotAbove);
      }
    });
  }
  std::string utf8;
  return result.toUTF8String(utf8);
}

std::vector<std::string_view> bert_words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(text.data(), at, text.size(), c);
    const bool is_mark = is_punctuation(c);
    if (!is_mark && !u_isUWhiteSpace(c)) {
      continue;
    }
    if (start > begin) {
      words.push_back(text.substr(begin, start - begin));
    }
    if (is_mark) {
      words.push_back(text.substr(start, at - start));
    }
    begin = at;
  }
  if (begin < text.size()) {
    words.push_back(text.substr(begin));
  }
  return words;
}

}  // namespace medisyn
