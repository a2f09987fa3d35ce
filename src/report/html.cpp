#include "medisyn/report/html.h"

#include <fmt/format.h>

#include <cstdint>

namespace medisyn {

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += letter;
    }
  }
  return escaped;
}

std::string script_json(const Json& value) {
  std::string safe;
  for (const char letter : value.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    if (letter == '<') {
      safe += "\\u003c";
    } else {
      safe += letter;
    }
  }
  return safe;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kAlphabet[group >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return text;
}

namespace {

std::string image_element(const Image& image, std::string_view alt, std::string_view type,
                          std::string_view bytes) {
  return fmt::format(R"(<img width="{}" height="{}" alt="{}" src="data:image/{};base64,{}">)", image.width,
                     image.height, escape_html(alt), type, base64(bytes));
}

}  // namespace

std::string inline_image(const Image& image, std::string_view alt) {
  return image_element(image, alt, "png", encode_png(image));
}

std::string inline_jpeg(const Image& image, int quality, std::string_view alt) {
  return image_element(image, alt, "jpeg", encode_jpeg(image, quality));
}

std::string html_table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows, std::string_view kind) {
  std::string html = fmt::format("<div class=\"scroll\"><table class=\"{}\"><thead><tr>", kind);
  for (const std::string& cell : header) {
    html += "<th scope=\"col\">" + escape_html(cell) + "</th>";
  }
  html += "</tr></thead><tbody>";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const std::string& cell : row) {
      html += "<td>" + escape_html(cell) + "</td>";
    }
    html += "</tr>";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace medisyn
