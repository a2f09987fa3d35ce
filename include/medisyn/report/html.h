// Safe pieces of HTML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/io/image.h"

namespace medisyn {

/// Text for element content and quoted attributes: & < > " ' escaped.
std::string escape_html(std::string_view text);

/// JSON for a <script> element: "<" written as \u003c, so that no text can end the element.
std::string script_json(const Json& value);

/// <img> with the picture inside as a PNG data URI.
std::string inline_image(const Image& image, std::string_view alt);

/// The same as a JPEG: a few kB for a photograph.
std::string inline_jpeg(const Image& image, int quality, std::string_view alt);

/// A table inside a scrolling box; cells are escaped here. `kind` is a class of page.css: "" for numbers (all
/// columns but the first to the right), "totals" for numbers with a last row that adds up, "words" for text
/// that wraps, "words whole" where no word may be cut, "words commands" where the first column is typed.
std::string html_table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows, std::string_view kind = "");

std::string base64(std::string_view bytes);

}  // namespace medisyn
