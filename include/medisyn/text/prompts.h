// Prompt files: what to draw, one prompt a line or a row.
//
//   .txt     text --n 500 --seed 7 --scale 5 --steps 30 --negative "blurred" --size 512x512; lines with # are
//   comments .csv     columns text (or prompt), n, seed, scale, steps, negative, size .jsonl   the same names
//   as keys; a manifest's metadata.jsonl is one too (a line with file_name may hold more keys)
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

struct PixelSize {
  std::int64_t width = 0;
  std::int64_t height = 0;

  bool operator==(const PixelSize&) const = default;
};

/// A prompt; what is not given is left to the command line's options.
struct Prompt {
  std::string text = {};  ///< may be empty in .csv and .jsonl
  std::optional<std::string> negative = {};
  std::optional<std::int64_t> n = {};      ///< images of this prompt; image k has seed + k
  std::optional<std::uint32_t> seed = {};  ///< 0 to 2^32 - 1: torch's CPU generator keeps no more bits
  std::optional<double> scale = {};        ///< of classifier-free guidance
  std::optional<std::int64_t> steps = {};
  std::optional<PixelSize> size = {};
  bool is_record = false;  ///< a manifest's line: lines without a seed count on from the command line's

  bool operator==(const Prompt&) const = default;
};

/// Reads a prompt file by its extension (.txt, .csv, .jsonl). Error FILE:LINE for an option that is unknown
/// or out of range, and Error for another extension, a file that is not UTF-8, or one without a prompt.
///
/// With a template ("Dermoscopy image showing {disease}", fill_caption()) the text of each row of a .csv or
/// .jsonl file is made of its columns, which may then have any name. Lists are joined: "a, b and c".
std::vector<Prompt> read_prompts(const std::filesystem::path& path, const std::string& text_template = "");

/// One line of a .txt file: words, then options. Each word that starts with "--" and a letter is an option; a
/// prompt that must hold one belongs into a .jsonl file. `where` ("prompts.txt:3") stands in front of errors.
Prompt parse_prompt_line(std::string_view line, const std::string& where);

/// "512x384": width x height. Error with `where` in front for anything else.
PixelSize parse_size(std::string_view text, const std::string& where);

/// The inverse of parse_size().
std::string format_size(const PixelSize& size);

/// A seed. Error with `where` in front for a number outside 0 to 2^32 - 1.
std::uint32_t checked_seed(std::int64_t seed, const std::string& where);

}  // namespace medisyn
