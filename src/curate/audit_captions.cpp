#include <algorithm>
#include <iterator>

#include "audit_parts.h"
#include "medisyn/curate/workers.h"

namespace medisyn {
namespace {

constexpr std::int64_t kPiece = 1024;  // captions handed to a thread at once

/// Every token of ASCII text spells at least one byte, and each tokenizer adds at most three of its own
/// (start, end, the space in front of SentencePiece's first word).
bool fits_surely(std::string_view text, std::int64_t max_tokens) {
  return std::ssize(text) + 3 <= max_tokens &&
         std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

void add_if_long(const CaptionUse& use, const Tokenizer& tokenizer, std::vector<LongCaption>& found) {
  if (fits_surely(use.first->text, tokenizer.model_max_length())) {
    return;
  }
  Encoding encoding = tokenizer.encode_with_loss(use.first->text);
  if (encoding.lost_tokens > 0) {
    found.push_back({use.first, use.images, std::ssize(encoding.ids) + encoding.lost_tokens,
                     std::move(encoding.lost_text)});
  }
}

bool is_before(const LongCaption& a, const LongCaption& b) {
  return a.images != b.images ? a.images > b.images : a.first->text < b.first->text;
}

}  // namespace

std::vector<LongCaption> find_long_captions(const std::vector<CaptionUse>& captions,
                                            const Tokenizer& tokenizer, std::int64_t threads) {
  const std::int64_t pieces = (std::ssize(captions) + kPiece - 1) / kPiece;
  std::vector<std::vector<LongCaption>> found(static_cast<std::size_t>(pieces));
  for_each_parallel(
      pieces, threads,
      [&](std::int64_t piece) {
        const auto begin = static_cast<std::size_t>(piece * kPiece);
        const std::size_t end = std::min(begin + kPiece, captions.size());
        for (std::size_t i = begin; i < end; ++i) {
          add_if_long(captions[i], tokenizer, found[static_cast<std::size_t>(piece)]);
        }
      },
      [](std::int64_t) {});
  std::vector<LongCaption> all;
  for (auto& part : found) {
    std::move(part.begin(), part.end(), std::back_inserter(all));
  }
  std::sort(all.begin(), all.end(), is_before);
  return all;
}

}  // namespace medisyn
