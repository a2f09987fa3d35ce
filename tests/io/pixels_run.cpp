// What scripts/parity_pixels.py compares with PIL: decoded pictures as raw bytes, and how long it takes.
//
//   pixels_run decode OUT FILE...     uint8 [H, W, 3] of each file into OUT; a line "H W" or its error each
//   pixels_run resize OUT FILE H W    the decoded picture at that size
//   pixels_run times FILE SIDE        a line each: step, least milliseconds on one thread
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/image.h"
#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

void decode(const std::vector<std::string>& arguments) {
  AtomicFile out(arguments.at(0));
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    try {
      const Image image = read_image(arguments[i]);
      out.write(image.pixels.data(), image.pixels.size());
      fmt::print("{} {}\n", image.height, image.width);
    } catch (const Error& error) {
      fmt::print("{}\n", error.what());
    }
  }
  out.commit();
}

void resize_to(const std::vector<std::string>& arguments) {
  const Image image =
      resize(read_image(arguments.at(1)), std::stoi(arguments.at(2)), std::stoi(arguments.at(3)));
  AtomicFile out(arguments[0]);
  out.write(image.pixels.data(), image.pixels.size());
  out.commit();
}

void print_time(const std::string& step, const std::function<void()>& run) {
  constexpr double kSeconds = 1.0;
  double least = std::numeric_limits<double>::max(), total = 0;
  while (total < kSeconds) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    least = std::min(least, seconds);
    total += seconds;
  }
  fmt::print("{} {:.4f}\n", step, least * 1000);
}

void times(const std::vector<std::string>& arguments) {
  const std::string bytes = read_file(arguments.at(0));
  const int side = std::stoi(arguments.at(1));
  const Image image = decode_image(bytes, arguments[0]);
  const Image small = resize_and_crop(image, side);
  print_time("decode", [&] { decode_image(bytes, arguments[0]); });
  print_time("resize", [&] { resize_and_crop(image, side); });
  print_time("png", [&] { encode_png(small); });
  print_time("jpeg95", [&] { encode_jpeg(small, 95); });
  print_time("sha256", [&] {
    sha256_hex({reinterpret_cast<const char*>(small.pixels.data()), small.pixels.size()});
  });
  fmt::print("png_bytes {}\njpeg95_bytes {}\n", encode_png(small).size(), encode_jpeg(small, 95).size());
}

void run(const std::string& task, const std::vector<std::string>& arguments) {
  if (task == "decode") {
    decode(arguments);
  } else if (task == "resize") {
    resize_to(arguments);
  } else if (task == "times") {
    times(arguments);
  } else {
    fail("expected decode, resize or times, found {}", task);
  }
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  try {
    medisyn::run(argc > 1 ? argv[1] : "", std::vector<std::string>(argv + std::min(argc, 2), argv + argc));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
